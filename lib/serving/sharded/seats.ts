import { scorerOf, type Ranking, type Scorer } from './scores.ts';

/** A member with what its ranks are made of. `at`: what slots write down of their owner; says nothing of the order. */
export interface Seat extends Scorer {
  readonly name: string;
  readonly at: number;
}

/** Who has each slot. */
export interface Slots {
  readonly owners: Uint8Array | Uint16Array;
  /** Seats by `at`, with holes where one has left. */
  readonly seats: readonly (Seat | undefined)[];
  /** By `at`: no slot of the seat has a lower rank with it. Where a seat has none: the number of slots. */
  readonly lowest: Int32Array;
  /** How many seats there were when `lowest` was counted: the more there are, the higher it could be. */
  readonly countedFor: number;
}

/** Small numbers for few seats: a table that fits the processor's cache is what a look-up's speed hangs on. */
const MAX_SMALL = 256;
/** `lowest` is counted anew when there are so many times the seats: seldom enough to cost little, and soon enough. */
const COUNT_AGAIN = 1.25;
/** Ranks by which a logarithm of twelve digits may be wrong, and more. */
const MARGIN = 4;

export const seatOf = (member: { readonly name: string; readonly weight: number }, at: number): Seat =>
  Object.freeze({ name: member.name, at, ...scorerOf(member) });

const present = (seats: Slots['seats']): readonly Seat[] => seats.filter((seat) => seat !== undefined);

const ownersFor = (slotCount: number, lastAt: number): Slots['owners'] =>
  lastAt < MAX_SMALL ? new Uint8Array(slotCount) : new Uint16Array(slotCount);

const lowestOf = ({ rankOf, slotCount }: Ranking, owners: Slots['owners'], seats: Slots['seats']): Int32Array => {
  const lowest = new Int32Array(seats.length).fill(slotCount);
  for (let slot = 0; slot < slotCount; slot += 1) {
    const at = owners[slot] ?? 0;
    const seat = seats[at];
    if (seat !== undefined) lowest[at] = Math.min(lowest[at] ?? 0, rankOf(seat, slot));
  }
  return lowest;
};

const counted = (ranks: Ranking, slots: Slots): Slots => ({
  ...slots,
  lowest: lowestOf(ranks, slots.owners, slots.seats),
  countedFor: present(slots.seats).length,
});

/** Whether `one` is nearer to a slot than `other`. Equal ones go to the name that is first in the order of UTF-16. */
const isNearer = (
  { lead }: Ranking,
  slot: number,
  one: Seat,
  rank: number,
  other: Seat,
  otherRank: number,
): boolean => {
  const by = lead(slot, one, rank, other, otherRank);
  return by === 0 ? one.name < other.name : by > 0;
};

/** Below this rank the newcomer wins nothing: every owner has at least the rank that is lowest among its own. */
const lastRank = ({ scoreOf, slotCount }: Ranking, { weight }: Seat, { seats, lowest }: Slots): number => {
  const owners = present(seats);
  if (owners.every((seat) => seat.weight === weight)) return Math.min(...owners.map(({ at }) => lowest[at] ?? 0));
  const floor = Math.min(...owners.map((seat) => scoreOf(lowest[seat.at] ?? 0, 0, seat.weight)));
  let [from, to] = [0, slotCount - 1];
  while (from < to) {
    const middle = Math.floor((from + to) / 2);
    if (scoreOf(middle, 1, weight) < floor) from = middle + 1;
    else to = middle;
  }
  return Math.max(0, from - MARGIN);
};

/**
 * The slots with one seat more, which gets those that it is nearest to. It goes through its own order of them, from the
 * nearest on, until no owner can be farther: of n seats it looks at about 18 ln 2 / n of 2¹⁸ slots.
 */
export const withSeat = (ranks: Ranking, before: Slots, newcomer: Seat): Slots => {
  const seats = [...before.seats];
  seats[newcomer.at] = newcomer;
  const owners = ownersFor(ranks.slotCount, seats.length - 1);
  owners.set(before.owners);
  const lowest = new Int32Array(seats.length).fill(ranks.slotCount);
  lowest.set(before.lowest);
  const { rankOf, slotAt } = ranks;
  const last = lastRank(ranks, newcomer, before);
  let own = ranks.slotCount;
  for (let rank = ranks.slotCount - 1; rank >= last; rank -= 1) {
    const slot = slotAt(newcomer, rank);
    const owner = seats[owners[slot] ?? 0];
    if (owner === undefined) continue;
    const held = rankOf(owner, slot);
    // Most often, and then the quicker answer.
    if (rank < held && owner.weight === newcomer.weight) continue;
    if (!isNearer(ranks, slot, newcomer, rank, owner, held)) continue;
    owners[slot] = newcomer.at;
    own = rank;
  }
  lowest[newcomer.at] = own;
  const slots = { owners, seats, lowest, countedFor: before.countedFor };
  return present(seats).length < before.countedFor * COUNT_AGAIN ? slots : counted(ranks, slots);
};

/** The nearest of some seats. */
const nearestOf = (ranks: Ranking, seats: readonly Seat[], slot: number): Seat | undefined => {
  let [nearest] = seats;
  for (const seat of seats)
    if (
      nearest !== undefined &&
      seat !== nearest &&
      isNearer(ranks, slot, seat, ranks.rankOf(seat, slot), nearest, ranks.rankOf(nearest, slot))
    )
      nearest = seat;
  return nearest;
};

/** The slots without a seat: those that it had go to the nearest of the rest; no other slot changes. */
export const withoutSeat = (ranks: Ranking, before: Slots, leaver: Seat): Slots => {
  const seats = before.seats.map((seat) => (seat === leaver ? undefined : seat));
  const rest = present(seats);
  const owners = before.owners.slice();
  const lowest = before.lowest.slice();
  for (let slot = 0; slot < owners.length; slot += 1) {
    if (owners[slot] !== leaver.at) continue;
    const nearest = nearestOf(ranks, rest, slot);
    if (nearest === undefined) continue;
    owners[slot] = nearest.at;
    lowest[nearest.at] = Math.min(lowest[nearest.at] ?? 0, ranks.rankOf(nearest, slot));
  }
  return { owners, seats, lowest, countedFor: before.countedFor };
};

/** The seats from the nearest to a slot to the farthest. */
export const byNearness = (ranks: Ranking, seats: Slots['seats'], slot: number): readonly Seat[] =>
  present(seats).toSorted((one, other) =>
    isNearer(ranks, slot, one, ranks.rankOf(one, slot), other, ranks.rankOf(other, slot)) ? -1 : 1,
  );

/** All slots among the seats, each to the nearest (rendezvous hashing). */
export const fillSlots = (ranks: Ranking, [first, ...others]: readonly Seat[]): Slots => {
  const seats = first === undefined ? [] : [first];
  const owners = ownersFor(ranks.slotCount, others.length);
  let slots: Slots = { owners, seats, lowest: new Int32Array(seats.length), countedFor: 1 };
  for (const seat of others) slots = withSeat(ranks, slots, seat);
  return counted(ranks, slots);
};
