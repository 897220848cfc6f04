import { rawScore, scorerOf, slotSeed, weightedScore, type Scorer } from './scores.ts';

/** A member with what its scores are made of. `at`: what slots write down of their owner; says nothing of the order. */
export interface Seat extends Scorer {
  readonly name: string;
  readonly at: number;
}

/** Who has each slot, and with which score. */
export interface Slots {
  readonly owners: Uint8Array | Uint16Array;
  /** The owner's raw score: who wants the slot has to beat it. */
  readonly scores: Int32Array;
}

/** Small numbers for few seats: a table that fits the processor's cache is what a look-up's speed hangs on. */
const MAX_SMALL = 256;

export const seatOf = (member: { readonly name: string; readonly weight: number }, at: number): Seat =>
  Object.freeze({ name: member.name, at, ...scorerOf(member) });

const isEven = (seats: readonly Seat[]): boolean => seats.every(({ weight }) => weight === seats[0]?.weight);

const ownersFor = (slotCount: number, lastAt: number): Slots['owners'] =>
  lastAt < MAX_SMALL ? new Uint8Array(slotCount) : new Uint16Array(slotCount);

/** Slots that can write down owners up to `lastAt`, as a copy. */
export const copySlots = ({ owners, scores }: Slots, lastAt: number): Slots => {
  const copy = ownersFor(owners.length, lastAt);
  copy.set(owners);
  return { owners: copy, scores: scores.slice() };
};

/** By `at`: the weights of the seats, and whether the newcomer's name is before theirs. */
const besides = (newcomer: Seat, seats: readonly Seat[]) => {
  const seatCount = Math.max(...seats.map(({ at }) => at)) + 1;
  const [weights, isBehind] = [new Float64Array(seatCount), new Uint8Array(seatCount)];
  for (const seat of seats) {
    weights[seat.at] = seat.weight;
    isBehind[seat.at] = Number(newcomer.name < seat.name);
  }
  return { weights, isBehind };
};

/**
 * Gives the newcomer the slots in which it beats their owner. Equal scores go to the name that is first in the order of
 * UTF-16.
 *
 * @param seats All of them, the newcomer included.
 */
export const giveTo = (newcomer: Seat, seats: readonly Seat[], { owners, scores }: Slots): void => {
  const { seed, step, at, weight } = newcomer;
  const { weights, isBehind } = besides(newcomer, seats);
  // With weights all alike the raw scores decide, in the same way for less work.
  const even = isEven(seats);
  for (let slot = 0; slot < scores.length; slot += 1) {
    const own = rawScore(seed, step, slotSeed(slot));
    const held = scores[slot] ?? 0;
    if (even && own < held) continue;
    const owner = owners[slot] ?? 0;
    const lead = even ? own - held : weightedScore(own, weight) - weightedScore(held, weights[owner] ?? 1);
    if (lead < 0 || (lead === 0 && isBehind[owner] !== 1)) continue;
    owners[slot] = at;
    scores[slot] = own;
  }
};

/** The seats from the nearest to a slot to the farthest. */
export const byNearness = (
  seats: readonly Seat[],
  slot: number,
): readonly { readonly seat: Seat; readonly raw: number }[] => {
  const mixed = slotSeed(slot);
  const scored = seats.map((seat) => {
    const raw = rawScore(seat.seed, seat.step, mixed);
    return { seat, raw, score: weightedScore(raw, seat.weight) };
  });
  return scored.toSorted((one, other) => {
    if (one.score !== other.score) return other.score - one.score;
    return one.seat.name < other.seat.name ? -1 : 1;
  });
};

/** All slots among the seats, each to the nearest (rendezvous hashing). */
export const fillSlots = (seats: readonly Seat[], slotCount: number): Slots => {
  const slots = { owners: ownersFor(slotCount, seats.length - 1), scores: new Int32Array(slotCount) };
  const [first] = seats;
  if (first === undefined) return slots;
  slots.owners.fill(first.at);
  for (let slot = 0; slot < slotCount; slot += 1) slots.scores[slot] = rawScore(first.seed, first.step, slotSeed(slot));
  for (const [index, seat] of seats.entries()) if (index > 0) giveTo(seat, seats, slots);
  return slots;
};

/** Gives the slots of a seat that leaves to the nearest of the rest; no other slot changes. */
export const takeFrom = (leaver: Seat, rest: readonly Seat[], { owners, scores }: Slots): void => {
  for (let slot = 0; slot < owners.length; slot += 1) {
    if (owners[slot] !== leaver.at) continue;
    const [nearest] = byNearness(rest, slot);
    owners[slot] = nearest?.seat.at ?? 0;
    scores[slot] = nearest?.raw ?? 0;
  }
};
