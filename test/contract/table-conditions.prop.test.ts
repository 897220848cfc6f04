import * as fc from 'fast-check';
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
  type Json,
} from '#primitives/table';
import { backendCases } from '../support/backends.ts';

const FIELDS = ['a', 'b', 'size'] as const;
const RUNS = 150;

/** Few values of every type, so that equal ones and near misses are frequent. */
const scalar = fc.constantFrom<Json>(
  0,
  -1,
  1,
  1.5,
  10,
  '',
  '1',
  'a',
  'ab',
  'é',
  '\uFF5E',
  '\u{1F600}',
  true,
  false,
  null,
);
const json: fc.Arbitrary<Json> = fc.oneof(
  { weight: 4, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('x', 'y'), scalar, { maxKeys: 2, noNullPrototype: true }) },
);
const members = fc.uniqueArray(fc.constantFrom('a', 'b'), { minLength: 1 }).map((list) => new Set(list));
const record: fc.Arbitrary<Fields | undefined> = fc.option(
  fc
    .record({ a: fc.oneof(json, members), b: json, size: json }, { requiredKeys: [], noNullPrototype: true })
    .map((fields): Fields => fields),
  { nil: undefined, freq: 6 },
);
const field = fc.constantFrom(...FIELDS);
const bound = fc.constantFrom<number | string>(0, 1, 1.5, '', 'a', '\uFF5E', '\u{1F600}');

const { condition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constant(absent()),
    field.map((name) => absent(name)),
    fc.tuple(field, json).map(([name, value]) => equals(name, value)),
    fc.tuple(field, bound).map(([name, value]) => lessThan(name, value)),
    fc.tuple(field, bound).map(([name, value]) => atMost(name, value)),
    tie('condition').map((inner) => not(inner)),
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map((inner) => and(...inner)),
    fc.array(tie('condition'), { minLength: 1, maxLength: 3 }).map((inner) => or(...inner)),
  ),
}));

const [memoryCase, ...otherCases] = backendCases;

describe.each(otherCases)('conditions in memory and on $name', ({ start }) => {
  test('come to the same outcome for any record and condition, with the same record against it', async () => {
    const backends = [await memoryCase?.start(), await start()].filter((backend) => backend !== undefined);
    try {
      const tables = await Promise.all(backends.map((backend) => backend.table()));
      let run = 0;
      const property = fc.asyncProperty(record, condition, async (fields, tested) => {
        run += 1;
        const key = { partition: 'p', sort: `${run}` };
        const outcomes = await Promise.all(
          tables.map(async (table) => {
            if (fields !== undefined) await table.put({ key, fields });
            return table.update({ key, set: { seen: run }, condition: tested });
          }),
        );
        expect(outcomes[1]).toEqual(outcomes[0]);
      });
      await fc.assert(property, { numRuns: RUNS });
    } finally {
      for (const backend of backends) await backend.stop();
    }
  });
});
