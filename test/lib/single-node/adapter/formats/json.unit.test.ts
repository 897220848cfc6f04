import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { parseJsonLine } from '#single-node/adapter/formats/json-line';
import { parseRedisSlowlog } from '#single-node/adapter/formats/redis-slowlog';

const SLOWLOG = readFileSync(path.join(import.meta.dirname, '../fixtures/redis-7.0-slowlog.jsonl'), 'utf8')
  .trimEnd()
  .split('\n');

describe('JSON lines', () => {
  test.each([
    ['pino', '{"level":30,"time":1700000000000,"msg":"hi"}', 'info'],
    ['bunyan', '{"level":50,"time":"2023-11-14T22:13:20.000Z","msg":"hi"}', 'error'],
    ['zap', '{"level":"warn","ts":1700000000.0,"msg":"hi"}', 'warn'],
    ['logstash', '{"@timestamp":"2023-11-14T22:13:20Z","level":"WARNING","message":"hi"}', 'warn'],
    ['this project', '{"time":"2023-11-14T22:13:20.000Z","level":"debug","message":"hi"}', 'debug'],
    ['Google', '{"severity":"CRITICAL","timestamp":"2023-11-14T23:13:20+01:00","message":"hi"}', 'fatal'],
  ])('what %s writes is understood', (_, line, severity) => {
    expect(parseJsonLine(line, 0)).toEqual({
      message: 'hi',
      severity,
      timeMs: 1_700_000_000_000,
      fields: JSON.parse(line),
    });
  });

  test('what says nothing of itself keeps all that it says', () => {
    expect(parseJsonLine(' {"a":[1,{"b":null}],"level":"loud","time":"noon"} ', 0)).toEqual({
      message: '{"a":[1,{"b":null}],"level":"loud","time":"noon"}',
      fields: { a: [1, { b: null }], level: 'loud', time: 'noon' },
    });
    expect(parseJsonLine('{"level":1000,"time":-5,"msg":{}}', 0)).not.toHaveProperty('severity');
    expect(parseJsonLine('{"time":1e300}', 0)).not.toHaveProperty('timeMs');
  });

  test('names that objects have of themselves are nobody’s level', () => {
    const parsed = parseJsonLine('{"level":"constructor","__proto__":{"message":"no"}}', 0);
    expect(parsed).not.toHaveProperty('severity');
    expect(parsed?.message).toContain('__proto__');
  });

  test.each(['', '[]', '1', 'null', '{"a":1', '{"a":1}x', `${'{"a":'.repeat(17)}1${'}'.repeat(17)}`])(
    '%j is not of the format',
    (line) => {
      expect(parseJsonLine(line, 0)).toBeUndefined();
    },
  );

  test('any object is read back as it was', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (object) => {
        const line = JSON.stringify(object);
        expect(JSON.stringify(parseJsonLine(line, 0)?.fields)).toBe(line);
      }),
    );
  });
});

describe('the slow log of Redis', () => {
  test('entries that a redis-server 7.0 gave are read', () => {
    const read = SLOWLOG.map((line) => parseRedisSlowlog(line, 0));
    expect(read.every((entry) => entry !== undefined)).toBe(true);
    expect(read[1]).toEqual({
      message: 'set k"ey line\nbreak \\ "q" \u0001',
      severity: 'warn',
      timeMs: 1_795_646_813_000,
      fields: {
        entry: 6,
        tookMs: 0.007,
        command: ['set', 'k"ey', 'line\nbreak \\ "q" \u0001'],
        client: '127.0.0.1:33580',
      },
    });
  });

  test('an entry of a Redis before 4.0, without the client', () => {
    expect(parseRedisSlowlog('[1,1700000000,15000,["KEYS","*"]]', 0)).toEqual({
      message: 'KEYS *',
      severity: 'warn',
      timeMs: 1_700_000_000_000,
      fields: { entry: 1, tookMs: 15, command: ['KEYS', '*'] },
    });
  });

  test.each([
    '[]',
    '[1,2,3]',
    '[1,1700000000,-1,["a"]]',
    '[1,1700000000,1,[["a"]]]',
    '[1,1e300,1,["a"]]',
    '["a",1,1,[]]',
    '[1,2,3,[1]]',
  ])('%j is not of the format', (line) => {
    expect(parseRedisSlowlog(line, 0)).toBeUndefined();
  });
});
