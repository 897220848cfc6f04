// JavaScript, because jest loads runners itself, outside of what it transforms.
import TestRunner from 'jest-runner';

/** Runs its test files one after the other, each in the process of jest, while no other runner runs. */
export default class SerialRunner extends TestRunner {
  isSerial = true;
}
