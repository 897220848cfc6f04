import fc from 'fast-check';
import { parseSyslog } from '#single-node/adapter/formats/syslog';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const parse = (line: string) => parseSyslog(line, NOW);

describe('RFC 5424', () => {
  test('a whole line is read', () => {
    const line =
      '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog 12 ID47 ' +
      '[exampleSDID@32473 iut="3" eventSource="App \\"x\\" \\] \\\\"][other@1] \ufeffAn event';
    expect(parse(line)).toEqual({
      message: 'An event',
      severity: 'info',
      timeMs: Date.parse('2003-10-11T22:14:15.003Z'),
      fields: {
        facility: 20,
        level: 5,
        host: 'mymachine.example.com',
        app: 'evntslog',
        process: '12',
        messageId: 'ID47',
        data: { 'exampleSDID@32473': { iut: '3', eventSource: 'App "x" ] \\' }, 'other@1': {} },
      },
    });
  });

  test('a line of dashes says nothing but its priority', () => {
    expect(parse('<0>1 - - - - - -')).toEqual({ message: '', severity: 'fatal', fields: { facility: 0, level: 0 } });
  });

  test('zones, microseconds and a backslash that escapes nothing', () => {
    expect(parse('<14>1 2003-08-24T05:14:15.000003-07:00 h a - - [x y="c:\\temp"] m')).toMatchObject({
      timeMs: Date.parse('2003-08-24T12:14:15Z'),
      fields: { data: { x: { y: 'c:\\temp' } } },
    });
  });

  test('names that objects have of themselves are names like any other', () => {
    const { fields } = parse('<14>1 - - - - - [__proto__ toString="1" __proto__="2"] m') ?? {};
    expect(JSON.stringify(fields?.['data'])).toBe('{"__proto__":{"toString":"1","__proto__":"2"}}');
  });

  test.each([
    ['a priority over 191', '<192>1 - - - - - - m'],
    ['no priority', '1 - - - - - - m'],
    ['a time that is none', '<14>1 yesterday - - - - - m'],
    ['an hour that there is not', '<14>1 2026-01-01T24:00:00Z - - - - - m'],
    ['too few words', '<14>1 - - - -'],
    ['data without its end', '<14>1 - - - - - [x y="1'],
    ['data that is none', '<14>1 - - - - - {x} m'],
    ['a value without quotes', '<14>1 - - - - - [x y=1] m'],
    ['more behind the data', '<14>1 - - - - - [x]m'],
  ])('%s is not of the format', (_, line) => {
    expect(parse(line)).toBeUndefined();
  });

  test('whatever is written as the RFC says is read back as it was', () => {
    const word = fc.stringMatching(/^[!-,.-~][!-~]{0,20}$/);
    const name = fc.stringMatching(/^[!#-<>-Z^-~\\]{1,20}$/);
    const params = fc.uniqueArray(fc.tuple(name, fc.string({ unit: 'grapheme' })), {
      selector: ([key]) => key,
      maxLength: 4,
    });
    const data = fc.uniqueArray(fc.tuple(name, params), { selector: ([key]) => key, maxLength: 3 });
    const escape = (value: string): string => value.replaceAll(/["\\\]]/g, String.raw`\$&`);
    const date = fc.date({ min: new Date('1970-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 191 }),
        date,
        fc.tuple(word, word, word, word),
        data,
        fc.string({ unit: 'grapheme' }).filter((text) => !text.startsWith('\ufeff')),
        (priority, at, words, elements, message) => {
          const structured = elements.map(
            ([id, list]) => `[${id}${list.map(([key, value]) => ` ${key}="${escape(value)}"`).join('')}]`,
          );
          const line = `<${priority}>1 ${at.toISOString()} ${words.join(' ')} ${structured.join('') || '-'} ${message}`;
          const [host, app, process, messageId] = words;
          const expected = Object.fromEntries(elements.map(([id, list]) => [id, Object.fromEntries(list)]));
          const parsed = parse(line);
          expect(parsed?.message).toBe(message);
          expect(parsed?.timeMs).toBe(at.getTime());
          const { facility, level, data: seen = {}, ...rest } = parsed?.fields ?? {};
          expect(Number(facility) * 8 + Number(level)).toBe(priority);
          expect(rest).toEqual({ host, app, process, messageId });
          expect(JSON.stringify(seen)).toBe(JSON.stringify(expected));
        },
      ),
    );
  });
});

describe('RFC 3164', () => {
  test('a line of an old syslog is read; its year is the latest in which it is not in the future', () => {
    expect(parse('<34>Oct 11 22:14:15 mymachine su[77]: failed for lonvick')).toEqual({
      message: 'failed for lonvick',
      severity: 'fatal',
      timeMs: Date.parse('2025-10-11T22:14:15Z'),
      fields: { facility: 4, level: 2, host: 'mymachine', app: 'su', process: '77' },
    });
  });

  test.each([
    ['Mar  1 12:00:00', '2026-03-01T12:00:00Z'],
    // A clock that is a little ahead.
    ['Mar  2 11:00:00', '2026-03-02T11:00:00Z'],
    ['Mar  3 12:00:00', '2025-03-03T12:00:00Z'],
    ['Feb 29 12:00:00', '2024-02-29T12:00:00Z'],
  ])('%s is %s', (time, instant) => {
    expect(parse(`<13>${time} host message without tag`)).toMatchObject({
      timeMs: Date.parse(instant),
      message: 'message without tag',
      fields: { host: 'host' },
    });
  });

  test('on New Year’s Day a line of the evening before is of last year, one of tomorrow of this', () => {
    const newYear = Date.parse('2026-01-01T00:00:10Z');
    expect(parseSyslog('<13>Dec 31 23:59:59 h a: m', newYear)?.timeMs).toBe(Date.parse('2025-12-31T23:59:59Z'));
    const evening = Date.parse('2025-12-31T23:59:50Z');
    expect(parseSyslog('<13>Jan  1 00:00:05 h a: m', evening)?.timeMs).toBe(Date.parse('2026-01-01T00:00:05Z'));
  });

  test.each(['<34>Oct 32 22:14:15 h a: m', '<34>Okt 11 22:14:15 h a: m', '<34>Oct 11 22:14:15', '<34>'])(
    '%j is not of the format',
    (line) => {
      expect(parse(line)).toBeUndefined();
    },
  );
});
