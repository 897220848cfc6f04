import { memoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { mailbox } from '#serving/functions-and-events/mailbox/mailbox';
import {
  challenges,
  type Challenges,
  type ChallengesOptions,
} from '#serving/functions-and-events/two-factor/challenges';
import { codeSender } from '#serving/functions-and-events/two-factor/code-sender';
import { keyedMac, type Mac } from '#serving/functions-and-events/two-factor/mac';
import type { MemoryWire } from '#primitives/memory/wire';

export const LIFETIME_MS = 300_000;
export const ATTEMPT_COUNT = 5;
const DAY_MS = 86_400_000;

/** Two-factor logins in memory, without a queue between: `deliver` brings all events that wait, as often as one likes. */
export const login = (
  options: {
    readonly seed?: number;
    readonly wire?: MemoryWire;
    readonly make?: (options: ChallengesOptions) => Challenges;
  } = {},
) => {
  const clock = memoryClock();
  const random = seededRandom(options.seed ?? 1);
  const wired = { clock, ...(options.wire === undefined ? {} : { wire: options.wire }) };
  const [table, mails, bus] = [
    memoryTable({ name: 'state', ...wired }),
    memoryTable({ name: 'mails', ...wired }),
    memoryBus({ name: 'events', ...wired }),
  ];
  const box = mailbox({ table: mails, clock, keepMs: DAY_MS });
  const plainMac = keyedMac(Buffer.alloc(32, 9));
  let compareCount = 0;
  let meanwhile = (): void => undefined;
  /** Of those who verify: each hash of a code that somebody gave is a comparison. */
  const mac: Mac = (text) => {
    if (text.startsWith('code/')) {
      compareCount += 1;
      meanwhile();
    }
    return plainMac(text);
  };
  const limits = { lifetimeMs: LIFETIME_MS, attemptCount: ATTEMPT_COUNT };
  const api = (options.make ?? challenges)({ table, bus, mac, clock, random, ...limits });
  const send = codeSender({
    table,
    mailer: box.send,
    mac: plainMac,
    drawBelow: (limit) => Math.floor(random.next() * limit),
    clock,
    lifetimeMs: LIFETIME_MS,
  });
  const code = async (address: string, at = -1): Promise<string> =>
    /^\d{6}/.exec((await box.list(address)).at(at)?.text ?? '')?.[0] ?? 'none';
  /** A code that is not the right one. */
  const wrong = (right: string): string => String((Number(right) + 1) % 1_000_000).padStart(6, '0');
  return {
    clock,
    random,
    table,
    mails,
    bus,
    box,
    api,
    send,
    code,
    wrong,
    compareCount: () => compareCount,
    duringCompare: (then: () => void) => void (meanwhile = then),
  };
};

export const ANN = { challengeId: 'c-1', user: 'ann', address: 'ann@example.org' } as const;
