import { randomUUID } from 'node:crypto';

import type { Random } from './random.ts';

/** The chance of the machine: `next` is not for secrets, `uuid` is from the secure source. */
export const systemRandom = (): Random => Object.freeze({ next: () => Math.random(), uuid: () => randomUUID() });
