import { checkObject } from '#primitives/checks';
import { checkPart, type PartKind } from '#primitives/part-checks';

/** What each of the options is that the functions of a work queue share. */
const KINDS = Object.freeze({
  jobs: 'table',
  effects: 'table',
  items: 'queue',
  plans: 'queue',
  redrives: 'queue',
  undeliverable: 'queue',
  deadLetters: 'queue',
  clock: 'clock',
  random: 'random',
  log: 'log',
} satisfies Record<string, PartKind>);

/** @throws {@link InvalidArgumentError} when one of these options was left out, or can't do what it is needed for */
export const checkGiven = (options: object, names: readonly (keyof typeof KINDS)[]): void => {
  checkObject(options);
  for (const name of names) checkPart(name, KINDS[name], (options as Readonly<Record<string, unknown>>)[name]);
};
