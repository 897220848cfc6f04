import type { Attempt } from '#resilience/attempt';

/**
 * One way to ask a leaf. Its attempt says how often the leaf was asked, until when somebody waits, and by its signal that
 * nobody waits any more. It must be safe to repeat: a slow or failed leaf is asked again.
 */
export type LeafCall<Request, Part> = (request: Request, attempt: Attempt) => PromiseLike<Part>;

/** A part of the data, and those that have it. */
export interface Leaf<Request, Part> {
  /** Names the leaf in answers. 1..256 bytes, unlike all others. */
  readonly name: string;
  /** 1..100 that answer alike. The first call of a request goes to one of them in turn, each further one to the next. */
  readonly replicas: readonly LeafCall<Request, Part>[];
}

/** What a leaf answered. */
export interface LeafPart<Part> {
  readonly leaf: string;
  readonly part: Part;
  /** From the request to the answer, whatever calls there were. */
  readonly tookMs: number;
}

/** A leaf whose part is not in the answer, and why. */
export interface Missing {
  readonly leaf: string;
  /** `deadline`: no call of it was answered in time. `failed`: its calls failed, and there could be no other. */
  readonly reason: 'deadline' | 'failed';
  /** The last failure, where there was one. */
  readonly error?: unknown;
}

interface Gathering {
  /** Each leaf is in exactly one of the two; both are in the order of the leaves. */
  readonly answered: readonly string[];
  readonly missing: readonly Missing[];
  /** Calls that were sent because another one was late. */
  readonly hedgedCount: number;
  /** Calls that were sent because another one had failed. */
  readonly repeatedCount: number;
  /** From the request to the answer. */
  readonly tookMs: number;
}

/** What became of a request. `too-few`: fewer leaves than the quorum answered, so that there is no answer. */
export type Gathered<Answer> =
  | (Gathering & { readonly status: 'complete' | 'partial'; readonly answer: Answer })
  | (Gathering & { readonly status: 'too-few'; readonly answer?: undefined });
