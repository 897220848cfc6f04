/** The ways to place keys that are compared, behind one face. */
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { jumpConsistentHash } from '@subspace/jump-consistent-hash';
import { slotTable } from '../../lib/serving/sharded/slot-table.ts';

/** Keys on nodes. */
export interface Placement {
  readonly nodeOf: (key: string) => string;
}

export interface Contestant {
  readonly name: string;
  readonly build: (nodes: readonly string[]) => Placement;
  /** What `build(all)` came to, of a placement that has all but the last. */
  readonly add: (placement: Placement, nodes: readonly string[]) => Placement;
}

const require = createRequire(import.meta.url);
const HashRing = require('hashring') as new (nodes: readonly string[]) => {
  get(key: string): string;
  add(node: string): void;
};
const ConsistentHash = require('consistent-hash') as new () => {
  add(node: string): unknown;
  get(key: string): string;
};

const added = new WeakMap<Placement, (node: string) => Placement>();
const placementOf = (placement: Placement, add: (node: string) => Placement): Placement => {
  added.set(placement, add);
  return placement;
};
const addLast: Contestant['add'] = (placement, nodes) => added.get(placement)?.(nodes.at(-1) ?? '') ?? placement;

const ofTable = (table: ReturnType<typeof slotTable>): Placement =>
  placementOf({ nodeOf: table.shardOf }, (node) => ofTable(table.with(node)));

const ofRing = (ring: { get(key: string): string; add(node: string): unknown }): Placement => {
  const own: Placement = { nodeOf: (key) => ring.get(key) };
  return placementOf(own, (node) => {
    ring.add(node);
    return own;
  });
};

/** What its users have to add: jump takes eight bytes, so the key is hashed first. */
const jump = (nodes: readonly string[]): Placement => ({
  nodeOf: (key) => nodes[jumpConsistentHash(createHash('md5').update(key).digest(), nodes.length)] ?? '',
});

export const CONTESTANTS: readonly Contestant[] = [
  { name: 'slotTable', build: (nodes) => ofTable(slotTable({ shards: nodes })), add: addLast },
  { name: 'hashring', build: (nodes) => ofRing(new HashRing(nodes)), add: addLast },
  {
    name: 'consistent-hash',
    build: (nodes) => {
      const ring = new ConsistentHash();
      for (const node of nodes) ring.add(node);
      return ofRing(ring);
    },
    add: addLast,
  },
  { name: 'jump', build: jump, add: (_placement, nodes) => jump(nodes) },
];
