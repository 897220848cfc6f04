import { messagesOf, type SqsEvent } from 'distributed-patterns/batch/partial-batch';
import { absent, type Random, type Table } from 'distributed-patterns/primitives';

interface Given {
  readonly table: Table;
  readonly random: Random;
}
const markerOf = (order: string) => ({ partition: 'given', sort: order });

/** One voucher for each paid order. It looks right: it asks first whether the order has had its voucher. */
export const vouchers =
  ({ table, random }: Given) =>
  async (event: SqsEvent) => {
    for (const { body: order } of messagesOf(event)) {
      if ((await table.get(markerOf(order))) !== undefined) continue;
      await table.put({ key: { partition: 'vouchers', sort: random.uuid() }, fields: { order } });
      await table.put({ key: markerOf(order), fields: {} });
    }
  };

/** The same, with voucher and marker in one transaction, which one of two twins wins. */
export const mendedVouchers =
  ({ table, random }: Given) =>
  async (event: SqsEvent) => {
    for (const { body: order } of messagesOf(event)) {
      const outcome = await table.transact([
        { kind: 'put', key: { partition: 'vouchers', sort: random.uuid() }, fields: { order } },
        { kind: 'put', key: markerOf(order), fields: {}, condition: absent() },
      ]);
      // Two held the record at once, and neither wrote: the message comes again.
      if (outcome.status === 'conflict') throw new Error(`conflict over ${order}`);
    }
  };
