import type { LeafSearch } from '#serving/scatter-gather/documents/leaf-search';
import type { Json } from '#primitives/table';
import { wireLeaf } from './wiring.ts';

let search: LeafSearch | undefined;

/** A leaf: invoked by the root, with the words and what the whole collection knows of them. */
export const handler = async (payload: unknown): Promise<Json> => {
  search ??= wireLeaf(process.env);
  return search(payload);
};
