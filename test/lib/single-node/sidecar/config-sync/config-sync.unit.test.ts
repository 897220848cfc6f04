import { memoryClock } from '#primitives/memory/clock';
import { memoryObjects } from '#primitives/memory/objects';
import { seededRandom } from '#primitives/memory/random';
import { configSync, type ConfigSync, type ConfigSyncOptions } from '#single-node/sidecar/config-sync/config-sync';
import { objectConfigSource } from '#single-node/sidecar/config-sync/sources';
import { decide, readConfig, writeConfig, type ConfigCandidate } from '#single-node/sidecar/config-sync/step';
import { memoryFiles } from '../../../../support/memory-files.ts';
import { quietLog } from '../../../../support/probe-log.ts';

const FILE = '/etc/program.json';

const validate = (value: unknown) =>
  typeof value === 'object' && value !== null && 'n' in value && typeof value.n === 'number'
    ? { value: { n: value.n, withDefault: true } }
    : { reason: 'n: expected a number' };

const invocation = { id: '1', remainingMs: () => Number.POSITIVE_INFINITY };
const signal = new AbortController().signal;

const world = (options: Partial<ConfigSyncOptions> = {}) => {
  const clock = memoryClock();
  const disk = memoryFiles();
  let answer: () => Promise<ConfigCandidate | undefined> = async () => undefined;
  let reads = 0;
  const make = (): ConfigSync =>
    configSync({
      source: {
        name: 'test',
        read: () => {
          reads += 1;
          return answer();
        },
      },
      file: FILE,
      validate,
      intervalMs: 1_000,
      readMs: 500,
      waitMs: 200,
      looks: 'calls',
      files: disk.of(),
      clock,
      random: seededRandom(1),
      log: quietLog,
      ...options,
    });
  const start = async (sync: ConfigSync): Promise<ConfigSync> => {
    await clock.until(sync.start?.({ clock, log: quietLog, signal }) ?? Promise.resolve());
    return sync;
  };
  return {
    clock,
    disk,
    make,
    start,
    reads: () => reads,
    offer: (candidate: ConfigCandidate | undefined) => {
      answer = async () => candidate;
    },
    answer: (next: typeof answer) => {
      answer = next;
    },
    file: () => JSON.parse(disk.peek(FILE) ?? 'null') as unknown,
  };
};

test('a valid version reaches the file with its defaults; the same one again writes nothing', async () => {
  const { make, start, offer, file, disk } = world();
  offer({ version: 3, value: { n: 1, extra: 'dropped' } });
  const sync = await start(make());
  expect(file()).toEqual({ version: 3, value: { n: 1, withDefault: true } });
  const text = disk.peek(FILE);
  expect(await sync.sync()).toMatchObject({ version: 3, lastLook: 'same', appliedCount: 1, refused: null });
  expect(disk.peek(FILE)).toBe(text);
});

test('an invalid version never reaches the file, is reported with its reason, and counts once', async () => {
  const { make, start, offer, file } = world();
  offer({ version: 1, value: { n: 1 } });
  const sync = await start(make());
  for (const candidate of [
    { version: 2, value: { n: 'x' } },
    { version: 2, value: { n: 'x' } },
  ]) {
    offer(candidate);
    expect(await sync.sync()).toMatchObject({
      version: 1,
      lastLook: 'refused',
      refused: { version: 2, reason: 'n: expected a number' },
      refusedCount: 1,
    });
  }
  for (const version of [-1, 1.5, '2', Number.NaN, 2 ** 60, null, undefined]) {
    offer({ version, value: { n: 2 } });
    expect((await sync.sync()).lastLook).toBe('refused');
  }
  expect(file()).toMatchObject({ version: 1 });
  offer({ version: 3, value: { n: 3 } });
  expect(await sync.sync()).toMatchObject({ version: 3, lastLook: 'applied', refused: null });
});

test('a validator that throws refuses', () => {
  const broken = () => {
    throw new TypeError('no');
  };
  expect(decide(undefined, { version: 1, value: 1 }, broken)).toEqual({
    kind: 'refused',
    version: 1,
    reason: 'the validator failed: no',
  });
});

test('an older version never overwrites a newer one', async () => {
  const { make, start, offer, file } = world();
  offer({ version: 5, value: { n: 5 } });
  const sync = await start(make());
  offer({ version: 4, value: { n: 4 } });
  expect(await sync.sync()).toMatchObject({ version: 5, lastLook: 'older', olderCount: 1 });
  expect(file()).toMatchObject({ version: 5 });
});

test('an answer that comes after its time is dropped, whatever it brings', async () => {
  const { make, start, offer, answer, clock, file } = world();
  offer({ version: 1, value: { n: 1 } });
  const sync = await start(make());
  answer(async () => {
    await clock.sleep(10_000);
    return { version: 2, value: { n: 2 } };
  });
  expect(await clock.until(sync.sync())).toMatchObject({ lastLook: 'failed', failedCount: 1, version: 1 });
  offer({ version: 3, value: { n: 3 } });
  await sync.sync();
  await clock.advance(20_000);
  expect(file()).toMatchObject({ version: 3 });
});

test('while the source does not answer, and after a restart without it, the last good one stays', async () => {
  const { make, start, offer, answer, file } = world();
  offer({ version: 7, value: { n: 7 } });
  await start(make());
  answer(async () => {
    throw new Error('down');
  });
  const again = await start(make());
  expect(again.report()).toMatchObject({ version: 7, lastLook: 'failed', answeredAtMs: null });
  expect(file()).toMatchObject({ version: 7 });
});

test('until there is something the file holds the initial one, as version 0; one that is not valid stops the start', async () => {
  const { make, start, offer, file } = world({ initial: { n: 0 } });
  const sync = await start(make());
  expect(sync.report()).toMatchObject({ version: 0, lastLook: 'absent' });
  offer({ version: 1, value: { n: 1 } });
  await sync.sync();
  await start(make());
  expect(file()).toMatchObject({ version: 1 });
  const bad = world({ initial: { n: 'zero' } });
  await expect(bad.start(bad.make())).rejects.toThrow("Expected 'initial' to be a valid configuration");
});

test('a damaged file counts as none and is replaced', async () => {
  const { make, start, offer, disk, file } = world();
  await disk.of().makeFolder('/etc');
  await disk.of().write(FILE, '{"version": 9, "val');
  offer({ version: 2, value: { n: 2 } });
  await start(make());
  expect(file()).toMatchObject({ version: 2 });
});

test('before a call it looks when the interval has passed, and the call waits no longer than it was told', async () => {
  const { make, start, answer, clock, reads } = world();
  const sync = await start(make());
  expect(reads()).toBe(1);
  await sync.before?.(invocation, signal);
  expect(reads()).toBe(1);
  await clock.advance(1_000);
  answer(() => clock.sleep(400).then(() => ({ version: 1, value: { n: 1 } })));
  const beganMs = clock.monotonicMs();
  await clock.until(Promise.resolve(sync.before?.(invocation, signal)));
  expect(clock.monotonicMs() - beganMs).toBe(200);
  expect(sync.report().version).toBe(null);
  // Others find the look under way: they don't wait, and don't look.
  await sync.before?.(invocation, signal);
  expect({ atMs: clock.monotonicMs() - beganMs, reads: reads() }).toEqual({ atMs: 200, reads: 2 });
  await clock.advance(200);
  expect(sync.report().version).toBe(1);
});

test('as a process it looks once in each interval, until it is stopped', async () => {
  const { make, start, clock, reads } = world({ looks: 'interval' });
  const sync = await start(make());
  await clock.advance(10_500);
  expect(reads()).toBe(11);
  await sync.before?.(invocation, signal);
  expect(reads()).toBe(11);
  await clock.until(sync.stop?.(signal) ?? Promise.resolve());
  await clock.advance(10_000);
  expect(reads()).toBe(11);
  expect(clock.sleeperCount()).toBe(0);
});

test('an object of a bucket is a source, and one that is no configuration is refused', async () => {
  const objects = memoryObjects({ name: 'settings' });
  const source = objectConfigSource({ objects, key: 'program.json' });
  expect(await source.read()).toBeUndefined();
  await objects.put('program.json', Buffer.from('{"version": 4, "value": {"n": 1}}'));
  expect(await source.read()).toEqual({ version: 4, value: { n: 1 } });
  for (const bad of [
    '',
    '[]',
    '{"version": 4}',
    'null',
    '{"version": 4, "value"',
    '\ufffd',
    Buffer.from([0xff]),
    'x'.repeat(1_048_577),
  ]) {
    await objects.put('program.json', Buffer.from(bad));
    expect(decide(undefined, await source.read(), validate).kind).toBe('refused');
  }
});

test('what is written is read back, and nothing else is', () => {
  const config = { version: 12, value: { text: '"\n\u2028' } };
  expect(readConfig(writeConfig(config))).toEqual(config);
  for (const text of ['', 'null', '7', '[]', '{}', '{"version":-1,"value":1}', '{"version":1}'])
    expect(readConfig(text)).toBeUndefined();
});

test('options that make no sense are refused by name', () => {
  const { make } = world();
  expect(make).not.toThrow();
  const bad: readonly (readonly [object, string])[] = [
    [{ file: 'relative.json' }, "Expected 'file' to be an absolute path"],
    [{ intervalMs: 0 }, "Expected 'intervalMs'"],
    [{ looks: 'sometimes' }, "Expected 'looks'"],
    [{ intervall: 5 }, "Expected 'options'"],
  ];
  for (const [options, message] of bad) expect(() => world(options).make()).toThrow(message);
});
