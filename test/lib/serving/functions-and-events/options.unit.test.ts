import * as v from 'valibot';
import { memoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { idempotency } from '#resilience/idempotency';
import {
  authenticated,
  challenges,
  codeSender,
  decorated,
  idempotent,
  keyedMac,
  mailbox,
  orderBook,
  signUps,
  signUpSteps,
  validated,
} from '#serving/functions-and-events/index';

const clock = memoryClock();
const parts = {
  clock,
  random: seededRandom(1),
  table: memoryTable({ name: 't', clock }),
  bus: memoryBus({ name: 'b', clock }),
  mac: keyedMac(Buffer.alloc(32)),
  mailer: async () => undefined,
  drawBelow: () => 0,
};
const { table, bus, random, mac, mailer, drawBelow } = parts;
const DAY_MS = 86_400_000;
const keys = { table, clock, random, inProgressMs: 1_000, keepMs: DAY_MS };

type Make = (options: never) => unknown;
const made: readonly (readonly [name: string, make: Make, options: object, parts: readonly string[]])[] = [
  ['idempotency', idempotency, keys, ['table', 'clock', 'random']],
  [
    'challenges',
    challenges,
    { table, bus, mac, clock, random, lifetimeMs: 60_000, attemptCount: 5 },
    ['table', 'bus', 'mac', 'clock', 'random'],
  ],
  [
    'codeSender',
    codeSender,
    { table, mailer, mac, drawBelow, clock, lifetimeMs: 60_000 },
    ['table', 'mailer', 'mac', 'drawBelow', 'clock'],
  ],
  ['mailbox', mailbox, { table, clock, keepMs: DAY_MS }, ['table', 'clock']],
  ['signUps', signUps, { table, bus, clock, random, restartAfterMs: 1_000 }, ['table', 'bus', 'clock', 'random']],
  [
    'signUpSteps',
    signUpSteps,
    { table, bus, mailer, clock, random, attemptCount: 5, keepMs: DAY_MS },
    ['table', 'bus', 'mailer', 'clock', 'random'],
  ],
  ['orderBook', orderBook, { table, clock }, ['table', 'clock']],
  ['authenticated', authenticated, { verify: () => undefined }, ['verify']],
  [
    'idempotent',
    idempotent,
    {
      idempotency: idempotency(keys),
      scope: () => 'f',
      key: () => 'k',
      request: () => 1,
      withoutKey: 'refuse',
    },
    ['idempotency', 'scope', 'key', 'request', 'withoutKey'],
  ],
];

test.each(made)('%s says which part was left out, or is something else', (_, make, options, names) => {
  expect(() => make(options as never)).not.toThrow();
  for (const name of names) {
    const { [name]: _left, ...rest } = options as Readonly<Record<string, unknown>>;
    for (const wrong of [rest, { ...options, [name]: null }, { ...options, [name]: {} }])
      expect(() => make(wrong as never)).toThrow(`Expected '${name}' to be`);
  }
  expect(() => make(null as never)).toThrow("Expected 'options' to be an object");
});

test('what a decorator is given besides is checked, too', () => {
  for (const wrong of [undefined, null, {}, { '~standard': {} }])
    expect(() => validated(wrong as never)).toThrow("Expected 'schema' to be");
  expect(() => validated(v.string())).not.toThrow();
  for (const wrong of [null, undefined, 1]) {
    expect(() => decorated().with(wrong as never)).toThrow("Expected 'decorator' to be");
    expect(() => decorated().handle(wrong as never)).toThrow("Expected 'handler' to be a function");
    expect(() => keyedMac(wrong as never)).toThrow("Expected 'key' to be 32 bytes or more");
  }
  expect(() => idempotency({ ...keys, whileRunning: null as never })).toThrow(
    "Expected 'whileRunning' to be an object",
  );
});
