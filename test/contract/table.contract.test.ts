import {
  absent,
  and,
  atMost,
  equals,
  lessThan,
  not,
  or,
  type Condition,
  type Fields,
  type Key,
  type Page,
  type Table,
} from '#primitives/table';
import { onEveryBackend } from '../support/backends.ts';

const at = (sort: string, partition = 'p'): Key => ({ partition, sort });
const sorts = ({ records }: Page): readonly string[] => records.map(({ key }) => key.sort);
const fill = async (table: Table, keys: readonly string[]): Promise<void> => {
  for (const sort of keys) await table.put({ key: at(sort), fields: { sort } });
};
const allPages = async (table: Table, options: Parameters<Table['query']>[0]): Promise<readonly string[]> => {
  const found: string[] = [];
  let page = await table.query(options);
  for (let pages = 0; pages < 100; pages += 1) {
    found.push(...sorts(page));
    if (page.next === undefined) return found;
    page = await table.query({ ...options, after: page.next });
  }
  throw new Error('more than 100 pages');
};
const INVALID = { code: 'primitives/invalid-argument' };
const written = { status: 'written' };

onEveryBackend('table', (backend, promise) => {
  let table: Table;
  beforeEach(async () => {
    table = await backend().table();
  });

  promise('stores every kind of value, and gives it back', async () => {
    const fields: Fields = {
      text: 'Zoë \u{1F600}',
      empty: '',
      number: -12.5e-7,
      large: 2 ** 53,
      yes: true,
      nothing: null,
      list: [1, 'two', [null, false], {}],
      object: { a: { b: [] }, '': 'an empty name', ['__proto__']: 1 },
      members: new Set(['a', 'ß', '\u{1F600}']),
      'a name.with [signs] and size': 1,
    };
    expect(await table.put({ key: at('s'), fields })).toEqual(written);
    expect(await table.get(at('s'))).toEqual(fields);
    expect(await table.get(at('s'), { consistent: false })).toEqual(fields);
    expect(await table.get(at('other'))).toBeUndefined();
  });

  promise('gives copies: what a caller does with its objects changes no record', async () => {
    const list = [1];
    await table.put({ key: at('s'), fields: { list } });
    list.push(2);
    expect(await table.get(at('s'))).toEqual({ list: [1] });
  });

  promise('replaces the whole record by a put, with its expiry', async () => {
    await table.put({ key: at('s'), fields: { a: 1 }, expiresAtMs: 1_900_000_000_000 });
    await table.put({ key: at('s'), fields: { b: 2 } });
    expect(await table.get(at('s'))).toEqual({ b: 2 });
    expect(await backend().storedExpiryMs(table, 'p', 's')).toBeUndefined();
  });

  promise('sets, removes and unites fields by an update, which makes the record', async () => {
    expect(await table.update({ key: at('s'), set: { a: 1, b: 2 }, union: { ids: ['x'] } })).toEqual(written);
    expect(await table.get(at('s'))).toEqual({ a: 1, b: 2, ids: new Set(['x']) });
    const update = { key: at('s'), set: { b: 3 }, remove: ['a', 'never'], union: { ids: ['y', 'x', 'y'], none: [] } };
    await table.update(update);
    await table.update(update);
    expect(await table.get(at('s'))).toEqual({ b: 3, ids: new Set(['x', 'y']) });
  });

  promise('stores when a record expires, and an update that does not say keeps it', async () => {
    await table.put({ key: at('s'), fields: { a: 1 }, expiresAtMs: 1_900_000_000_000 });
    await table.update({ key: at('s'), set: { a: 2 } });
    expect(await backend().storedExpiryMs(table, 'p', 's')).toBe(1_900_000_000_000);
    await table.update({ key: at('s'), expiresAtMs: 1_900_000_001_000 });
    expect(await backend().storedExpiryMs(table, 'p', 's')).toBe(1_900_000_001_000);
    expect(await table.get(at('s'))).toEqual({ a: 2 });
  });

  promise('deletes, also what is not there', async () => {
    await table.put({ key: at('s'), fields: {} });
    expect(await table.get(at('s'))).toEqual({});
    expect(await table.delete({ key: at('s') })).toEqual(written);
    expect(await table.delete({ key: at('s') })).toEqual(written);
    expect(await table.get(at('s'))).toBeUndefined();
  });

  promise('decides conditions as the algebra says', async () => {
    await table.put({ key: at('s'), fields: { n: 5, text: 'm', list: [1, { a: null }], ids: new Set(['x']) } });
    const cases: readonly (readonly [Condition, boolean])[] = [
      [absent(), false],
      [absent('n'), false],
      [absent('missing'), true],
      [equals('n', 5), true],
      [equals('n', '5'), false],
      [equals('missing', null), false],
      [equals('list', [1, { a: null }]), true],
      [equals('list', [1, {}]), false],
      [lessThan('n', 5), false],
      [lessThan('n', 5.5), true],
      [lessThan('n', '6'), false],
      [lessThan('missing', 6), false],
      [not(lessThan('missing', 6)), true],
      [atMost('n', 5), true],
      [atMost('text', 'm'), true],
      [lessThan('text', 'n'), true],
      [and(equals('n', 5), absent('missing')), true],
      [and(equals('n', 5), absent()), false],
      [or(absent(), equals('n', 5)), true],
      [or(and(absent()), not(not(equals('n', 5)))), true],
      [not(or(absent(), and(equals('n', 5), not(absent('text'))))), false],
    ];
    for (const [condition, holds] of cases) {
      const outcome = await table.update({ key: at('s'), set: { seen: true }, condition });
      expect({ condition, status: outcome.status }).toEqual({ condition, status: holds ? 'written' : 'refused' });
    }
  });

  promise('compares text by its UTF-8 bytes', async () => {
    await table.put({ key: at('s'), fields: { text: '\uFF5E' } });
    expect(await table.put({ key: at('s'), fields: {}, condition: lessThan('text', '\u{1F600}') })).toEqual(written);
  });

  promise('tells of a refused write which record stood against it, and changes nothing', async () => {
    await table.put({ key: at('s'), fields: { owner: 'a', ids: new Set(['x']) } });
    const current = { owner: 'a', ids: new Set(['x']) };
    const key = at('s');
    expect(await table.put({ key, fields: {}, condition: absent() })).toEqual({ status: 'refused', current });
    expect(await table.update({ key, set: { owner: 'b' }, condition: equals('owner', 'b') })).toEqual({
      status: 'refused',
      current,
    });
    expect(await table.delete({ key, condition: equals('owner', 'b') })).toEqual({ status: 'refused', current });
    expect(await table.get(key)).toEqual(current);
    const missing = await table.delete({ key: at('none'), condition: not(absent()) });
    expect(missing).toEqual({ status: 'refused', current: undefined });
  });

  promise('lets one of many concurrent conditional writes win', async () => {
    const tries = Array.from({ length: 20 }, (_, n) => table.put({ key: at('s'), fields: { n }, condition: absent() }));
    const outcomes = await Promise.all(tries);
    expect(outcomes.filter(({ status }) => status === 'written').length).toBe(1);
    const winner = outcomes.findIndex(({ status }) => status === 'written');
    expect(await table.get(at('s'))).toEqual({ n: winner });
  });

  promise('reads many records in the order of the keys, twins too', async () => {
    await fill(
      table,
      Array.from({ length: 99 }, (_, n) => `k${n}`),
    );
    const keys = [at('none'), ...Array.from({ length: 99 }, (_, n) => at(`k${98 - n}`))];
    const found = await table.getMany(keys);
    expect(found).toEqual([undefined, ...Array.from({ length: 99 }, (_, n) => ({ sort: `k${98 - n}` }))]);
    expect(await table.getMany([at('k1'), at('k1')])).toEqual([{ sort: 'k1' }, { sort: 'k1' }]);
    expect(await table.getMany([])).toEqual([]);
    await expect(table.getMany([...keys, at('one too many')])).rejects.toMatchObject(INVALID);
  });

  promise('orders a partition by the bytes of its sort keys', async () => {
    await fill(table, ['b', '\u{1F600}', 'a/2', 'B', '\uFF5E', 'a/10', 'é', 'a']);
    await table.put({ key: at('a', 'other'), fields: {} });
    const ordered = ['B', 'a', 'a/10', 'a/2', 'b', 'é', '\uFF5E', '\u{1F600}'];
    expect(await allPages(table, { partition: 'p' })).toEqual(ordered);
    expect(await allPages(table, { partition: 'p', limit: 3 })).toEqual(ordered);
    expect(await allPages(table, { partition: 'p', limit: 3, descending: true })).toEqual(ordered.toReversed());
    expect(await allPages(table, { partition: 'none' })).toEqual([]);
  });

  promise('pages through a prefix, from any place, in both directions', async () => {
    await fill(table, ['a', 'part/1', 'part/2', 'part/3', 'part/4', 'z']);
    const from = async (options: object) => allPages(table, { partition: 'p', sortPrefix: 'part/', ...options });
    expect(await from({ limit: 2 })).toEqual(['part/1', 'part/2', 'part/3', 'part/4']);
    expect(await from({ after: 'part/2' })).toEqual(['part/3', 'part/4']);
    expect(await from({ after: 'part/2x' })).toEqual(['part/3', 'part/4']);
    expect(await from({ after: 'part/3', descending: true, limit: 1 })).toEqual(['part/2', 'part/1']);
    // Places outside of the prefix: all of it, or nothing, lies behind them.
    expect(await from({ after: 'a' })).toEqual(['part/1', 'part/2', 'part/3', 'part/4']);
    expect(await from({ after: 'z' })).toEqual([]);
    expect(await from({ after: 'z', descending: true })).toEqual(['part/4', 'part/3', 'part/2', 'part/1']);
    expect(await from({ after: 'a', descending: true })).toEqual([]);
  });

  promise('ends a page before it grows beyond a megabyte or so', async () => {
    const text = 'x'.repeat(390_000);
    for (const sort of ['1', '2', '3', '4']) await table.put({ key: at(sort), fields: { text } });
    const page = await table.query({ partition: 'p' });
    expect(page.records.length).toBeLessThan(4);
    expect(await allPages(table, { partition: 'p' })).toEqual(['1', '2', '3', '4']);
  });

  promise('tells keys apart that look alike, and refuses those that could not be told apart', async () => {
    const [composed, decomposed] = ['é', 'e\u0301'];
    await fill(table, [composed, decomposed, 'a/b']);
    expect(await table.get(at(composed))).toEqual({ sort: composed });
    expect(await table.get(at(decomposed))).toEqual({ sort: decomposed });
    for (const key of [at(''), at('s', ''), at('\uD800'), at('x'.repeat(1025)), at('s', 'ü'.repeat(1025))]) {
      await expect(table.put({ key, fields: {} })).rejects.toMatchObject(INVALID);
      await expect(table.get(key)).rejects.toMatchObject(INVALID);
    }
    expect(await table.put({ key: at('x'.repeat(1024), 'y'.repeat(2048)), fields: {} })).toEqual(written);
  });

  promise('refuses what no record may hold', async () => {
    const deep = Array.from({ length: 33 }).reduce<readonly unknown[]>((inner) => [inner], []);
    const refused: readonly unknown[] = [
      { a: Number.NaN },
      { a: Infinity },
      { a: 1e126 },
      { a: 1e-131 },
      { a: new Set() },
      { a: '\uDC00' },
      { a: undefined },
      { a: [undefined] },
      { a: new Date(0) },
      { a: deep },
      { pk: 1 },
      { ttl: 1 },
      { '': 1 },
      { a: 'x'.repeat(409_600) },
    ];
    for (const fields of refused) {
      await expect(table.put({ key: at('s'), fields: fields as Fields })).rejects.toMatchObject(INVALID);
    }
    await expect(table.update({ key: at('s') })).rejects.toMatchObject(INVALID);
    await expect(table.update({ key: at('s'), set: { a: 1 }, remove: ['a'] })).rejects.toMatchObject(INVALID);
    await expect(table.put({ key: at('s'), fields: {}, condition: and() })).rejects.toMatchObject(INVALID);
    expect(await table.get(at('s'))).toBeUndefined();
  });

  promise('refuses conditions and updates that are longer than 4 KB as expressions', async () => {
    const key = at('s');
    const set = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, n]));
    const oneOf = (count: number) => or(...Array.from({ length: count }, (_, n) => equals(`f${n}`, n)));
    expect(await table.update({ key, set: set(331) })).toEqual(written);
    expect(await table.put({ key, fields: set(331), condition: oneOf(288) })).toEqual(written);
    await expect(table.update({ key, set: set(332) })).rejects.toMatchObject(INVALID);
    await expect(table.put({ key, fields: {}, condition: oneOf(289) })).rejects.toMatchObject(INVALID);
    await expect(table.delete({ key, condition: oneOf(289) })).rejects.toMatchObject(INVALID);
    // Behind the fields that are set the placeholders of a condition are longer.
    const change = { a: 1, b: 2, c: 3 };
    await expect(table.update({ key, set: change, condition: oneOf(288) })).rejects.toMatchObject(INVALID);
    expect(await table.get(key)).toEqual(set(331));
  });

  promise('refuses to unite with what is no set, and leaves the record', async () => {
    await table.put({ key: at('s'), fields: { ids: ['x'] } });
    await expect(table.update({ key: at('s'), union: { ids: ['y'] } })).rejects.toMatchObject(INVALID);
    expect(await table.get(at('s'))).toEqual({ ids: ['x'] });
  });
});

onEveryBackend('transactions of a table', (backend, promise) => {
  let table: Table;
  beforeEach(async () => {
    table = await backend().table();
  });
  const put = (sort: string, condition?: Condition) =>
    ({ kind: 'put', key: at(sort), fields: { sort }, ...(condition === undefined ? {} : { condition }) }) as const;

  promise('writes all, over tables', async () => {
    const other = await backend().table();
    await table.put({ key: at('old'), fields: { a: 1 } });
    await table.put({ key: at('gone'), fields: {} });
    const outcome = await table.transact([
      put('new', absent()),
      { kind: 'update', key: at('old'), set: { b: 2 }, union: { ids: ['x'] }, condition: equals('a', 1) },
      { kind: 'delete', key: at('gone'), condition: not(absent()) },
      { kind: 'check', key: at('never'), condition: absent() },
      { ...put('new'), table: other },
    ]);
    expect(outcome).toEqual(written);
    expect(await table.get(at('new'))).toEqual({ sort: 'new' });
    expect(await table.get(at('old'))).toEqual({ a: 1, b: 2, ids: new Set(['x']) });
    expect(await table.get(at('gone'))).toBeUndefined();
    expect(await other.get(at('new'))).toEqual({ sort: 'new' });
  });

  promise('writes nothing when one condition fails, and tells of each write whether it was the reason', async () => {
    await table.put({ key: at('b'), fields: { owner: 'me' } });
    const outcome = await table.transact([
      put('a', absent()),
      put('b', absent()),
      { kind: 'check', key: at('c'), condition: not(absent()) },
      { kind: 'delete', key: at('b2') },
    ]);
    expect(outcome).toEqual({
      status: 'refused',
      refusals: [undefined, { current: { owner: 'me' } }, { current: undefined }, undefined],
    });
    expect(await table.get(at('a'))).toBeUndefined();
  });

  promise('writes nothing when one write itself is at fault', async () => {
    await table.put({ key: at('list'), fields: { ids: ['x'] } });
    const writes = [put('a'), { kind: 'update', key: at('list'), union: { ids: ['y'] } }] as const;
    await expect(table.transact(writes)).rejects.toMatchObject(INVALID);
    expect(await table.get(at('a'))).toBeUndefined();
  });

  promise('takes 1 to 100 writes, each on another key', async () => {
    const writes = Array.from({ length: 101 }, (_, n) => put(`k${n}`, absent()));
    await expect(table.transact(writes)).rejects.toMatchObject(INVALID);
    await expect(table.transact([])).rejects.toMatchObject(INVALID);
    await expect(table.transact([put('a'), put('a')])).rejects.toMatchObject(INVALID);
    // Also when one of them names the table that the other leaves out.
    await expect(table.transact([put('a'), { ...put('a'), table }])).rejects.toMatchObject(INVALID);
    expect(await table.transact(writes.slice(0, 100))).toEqual(written);
    expect((await allPages(table, { partition: 'p' })).length).toBe(100);
  });

  promise('is one transaction however often it is repeated with its token', async () => {
    const writes = [put('once', absent())];
    expect(await table.transact(writes, { token: 'token-1' })).toEqual(written);
    expect(await table.transact(writes, { token: 'token-1' })).toEqual(written);
    expect(await table.transact(writes, { token: 'token-2' })).toMatchObject({ status: 'refused' });
    await expect(table.transact([put('else')], { token: 'token-1' })).rejects.toMatchObject(INVALID);
    expect(await table.get(at('else'))).toBeUndefined();
  });

  promise('reads records as they stood together', async () => {
    await fill(table, ['a', 'b']);
    expect(await table.transactGet([at('b'), at('none'), at('a'), at('b')])).toEqual([
      { sort: 'b' },
      undefined,
      { sort: 'a' },
      { sort: 'b' },
    ]);
    expect(await table.transactGet([])).toEqual([]);
    await expect(table.transactGet(Array.from({ length: 101 }, (_, n) => at(`${n}`)))).rejects.toMatchObject(INVALID);
  });

  promise('reads records of several tables as they stood together', async () => {
    const other = await backend().table();
    await fill(table, ['a']);
    await other.put({ key: at('a'), fields: { of: 'other' } });
    const there = { ...at('a'), table: other };
    expect(await table.transactGet([there, at('a'), { ...at('b'), table: other }, there])).toEqual([
      { of: 'other' },
      { sort: 'a' },
      undefined,
      { of: 'other' },
    ]);
  });

  promise('gives a conflict as a value, for writes and for reads', async () => {
    backend().inject({ operation: 'TransactWriteItems', kind: 'conflict' });
    expect(await table.transact([put('a')])).toEqual({ status: 'conflict' });
    backend().inject({ operation: 'TransactGetItems', kind: 'conflict' });
    expect(await table.transactGet([at('a')])).toBeUndefined();
    backend().inject(undefined);
    expect(await table.get(at('a'))).toBeUndefined();
  });

  promise('says that the outcome is unknown when the answer was lost, and the record tells', async () => {
    backend().inject({ operation: 'PutItem', kind: 'lose-answer' });
    const lost = table.put({ key: at('s'), fields: { token: 'mine' }, condition: absent() });
    await expect(lost).rejects.toMatchObject({ code: 'primitives/outcome-unknown', retryable: true });
    expect(await table.get(at('s'))).toEqual({ token: 'mine' });
    backend().inject({ operation: 'TransactWriteItems', kind: 'lose-answer' });
    await expect(table.transact([put('t')])).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
    expect(await table.get(at('t'))).toEqual({ sort: 't' });
  });

  promise('never says "failed" of a conditional write that was applied and whose first answer was lost', async () => {
    backend().inject({ operation: 'PutItem', kind: 'lose-answer', times: 1 });
    const fields = { token: 'mine' };
    // The SDK repeats the call, and the repeat meets the record of the first attempt; memory repeats nothing.
    const outcome = await table.put({ key: at('s'), fields, condition: absent() }).catch((error: unknown) => error);
    const isKnown = 'status' in Object(outcome);
    if (isKnown) expect(outcome).toEqual({ status: 'refused', current: fields });
    else expect(outcome).toMatchObject({ code: 'primitives/outcome-unknown' });
    expect(await table.get(at('s'))).toEqual(fields);
  });

  promise('says that nothing was applied when it is throttled', async () => {
    backend().inject({ operation: '*', kind: 'throttle' });
    const unavailable = { code: 'primitives/unavailable', retryable: true };
    await expect(table.put({ key: at('s'), fields: {} })).rejects.toMatchObject(unavailable);
    await expect(table.transact([put('t')])).rejects.toMatchObject(unavailable);
    await expect(table.get(at('s'))).rejects.toMatchObject(unavailable);
    backend().inject({ operation: 'GetItem', kind: 'lose-answer' });
    await expect(table.get(at('s'))).rejects.toMatchObject(unavailable);
    backend().inject(undefined);
    expect(await table.getMany([at('s'), at('t')])).toEqual([undefined, undefined]);
  });
});
