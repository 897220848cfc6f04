import type { Table, Write } from '#primitives/table';

/** The tables behind the wrapped ones: a transaction takes no others. */
const originals = new WeakMap<Table, Table>();

const originalOf = (table: Table): Table => originals.get(table) ?? table;

type Transact = readonly (Write & { readonly table?: Table })[];

/** A transaction as the tables behind take it. */
const unwrapped = (writes: Transact): Transact =>
  writes.map(({ table, ...write }) => (table === undefined ? write : { ...write, table: originalOf(table) }));

/** A table some of whose calls are made otherwise; `make` is given the table itself. */
export const wrapped = (table: Table, make: (inner: Table) => Partial<Table>): Table => {
  const inner: Table = {
    ...table,
    transact: (writes, how) => table.transact(unwrapped(writes), how),
    transactGet: (keys) =>
      table.transactGet(
        keys.map(({ table: of, ...key }) => (of === undefined ? key : { ...key, table: originalOf(of) })),
      ),
  };
  const outer: Table = { ...inner, ...make(inner) };
  originals.set(outer, originalOf(table));
  return outer;
};
