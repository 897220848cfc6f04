/** A sharded service (Burns, chapter 7): which shard a key belongs to. */
export { slotTable, type SlotTable } from './slot-table.ts';
