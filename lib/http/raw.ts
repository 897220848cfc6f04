import type { HeaderValues } from './end-to-end.ts';

/** A request as it is handed on: everything that is the sender's, and nothing of the way that it came. */
export interface RawRequest {
  readonly method: string;
  /** What the greedy parameter took, as it was sent: without a slash before it, perhaps empty. */
  readonly rest: string;
  /** Without the question mark. Written anew: the platform gives it decoded, by name. */
  readonly query: string;
  /** Without hop-by-hop and internal ones. */
  readonly headers: HeaderValues;
  /** At most 64 KiB. */
  readonly body: Uint8Array;
}

/** Somebody else's answer: its status, headers and bytes, as they are. The trace of this request is added. */
export interface RawAnswer {
  readonly kind: 'raw';
  /** 200..599. */
  readonly status: number;
  /** Hop-by-hop and internal ones are left out, and each that cannot be written as it is (CR, LF, no Latin-1). */
  readonly headers: HeaderValues;
  readonly body: Uint8Array;
}

export const isRaw = (value: object): value is RawAnswer => 'kind' in value && value.kind === 'raw';
