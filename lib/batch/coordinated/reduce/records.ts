import { numberOf, textOf } from '#primitives/field-values';
import { hash32 } from '#primitives/hash';
import type { Fields, Key } from '#primitives/table';
import { KINDS, type ReductionKind } from './kinds.ts';
import type { Place } from './tree.ts';
import type { ReductionStatus } from './types.ts';

/** The records of a reduction: the head; which parts were taken; leaves, nodes and who of their children is there. */
const partition = (id: string, what: string): string => `reduction/${id}/${what}`;
export const headKey = (id: string): Key => ({ partition: partition(id, 'head'), sort: 'head' });
export const partKey = (id: string, part: string): Key => ({ partition: partition(id, 'parts'), sort: part });
export const pageKey = (id: string, page: number): Key => ({ partition: partition(id, 'pages'), sort: String(page) });
/** A chunk of a part, with the markers of its items by one transaction. */
export const leafKey = (id: string, part: number, chunk: number): Key => ({
  partition: partition(id, `leaves/${part}`),
  sort: String(chunk),
});
export const nodeKey = (id: string, { level, index }: Place): Key => ({
  partition: partition(id, 'nodes'),
  sort: `${level}/${index}`,
});
export const marksKey = (id: string, { level, index }: Place): Key => ({
  partition: partition(id, 'marks'),
  sort: `${level}/${index}`,
});
export const markField = (child: Place): string => `c:${child.index}`;
/** Pieces of a long state, named by what is in them. */
export const pieceKey = (id: string, digest: string, at: number): Key => ({
  partition: partition(id, `pieces/${digest}`),
  sort: String(at),
});
/** A partition of a table takes a thousand writes a second: the markers of items lie in several. */
const SEEN_PARTITIONS = 16;
/** That an item was counted. */
export const seenKey = (id: string, item: string): Key => ({
  partition: partition(id, `seen/${hash32(item) % SEEN_PARTITIONS}`),
  sort: item,
});

export interface Head {
  readonly kind: ReductionKind;
  readonly bounds: readonly number[] | undefined;
  readonly fanIn: number;
  readonly status: Exclude<ReductionStatus, 'open'>;
  /** More parts may come: from clients (`open`), or from the listing of a source. */
  readonly input: 'open' | 'listing' | 'known';
  readonly parts: number;
  /** A digest of what was asked for, by which a repeat is told from another reduction. */
  readonly plan: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Of one that is done: where the result is, and of how many items. */
  readonly root: Place | undefined;
  readonly items: number;
  readonly reason: string | undefined;
  readonly expiresAtMs: number;
}

export const readHead = (fields: Fields): Head => ({
  kind: KINDS.find((kind) => kind === fields.kind) ?? 'count',
  // As text: a table takes fewer numbers than there are doubles.
  bounds: typeof fields.bounds === 'string' ? (JSON.parse(fields.bounds) as number[]) : undefined,
  fanIn: numberOf(fields.fanIn),
  status: fields.status === 'done' || fields.status === 'failed' ? fields.status : 'running',
  input: fields.input === 'open' || fields.input === 'listing' ? fields.input : 'known',
  parts: numberOf(fields.parts),
  plan: textOf(fields.plan) ?? '',
  bucket: textOf(fields.bucket) ?? '',
  prefix: textOf(fields.prefix) ?? '',
  root: typeof fields.rootLevel === 'number' ? { level: fields.rootLevel, index: 0 } : undefined,
  items: numberOf(fields.items),
  reason: typeof fields.reason === 'string' ? fields.reason : undefined,
  expiresAtMs: numberOf(fields.expires),
});
