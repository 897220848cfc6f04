import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 20_000;

/** Waits until it is so, for as long as a slow machine may need. */
export const eventually = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('Waited in vain.');
    await sleep(10);
  }
};
