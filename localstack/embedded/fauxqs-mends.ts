import type { buildApp } from 'fauxqs';
import { compareUtf8 } from '#primitives/utf8';

interface StoredKey {
  readonly key: string;
}

interface Listing {
  readonly objects: readonly StoredKey[];
  readonly commonPrefixes: readonly string[];
  readonly isTruncated: boolean;
}

interface ListRequest {
  readonly prefix?: string;
  readonly delimiter?: string;
  readonly maxKeys?: number;
  readonly startAfter?: string;
  readonly marker?: string;
}

interface S3Store {
  listObjects(bucket: string, request?: ListRequest): Listing;
}

/** What S3 allows, and the default. */
const MAX_KEYS = 1_000;

/** The part of a key that a listing with a delimiter shows instead of it, or undefined. */
const commonPrefixOf = (key: string, prefix: string, delimiter: string | undefined): string | undefined => {
  if (delimiter === undefined || delimiter === '') return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
};

/** A page of keys in the order of their UTF-8 bytes, as S3 lists them. */
const listInByteOrder = (objects: readonly StoredKey[], request: ListRequest): Listing => {
  const { prefix = '', delimiter, maxKeys = MAX_KEYS } = request;
  const after = request.startAfter ?? request.marker ?? '';
  const shown: StoredKey[] = [];
  const prefixes = new Set<string>();
  for (const object of objects.toSorted((a, b) => compareUtf8(a.key, b.key))) {
    const common = commonPrefixOf(object.key, prefix, delimiter);
    if (compareUtf8(common ?? object.key, after) <= 0 || (common !== undefined && prefixes.has(common))) continue;
    if (shown.length + prefixes.size >= maxKeys)
      return { objects: shown, commonPrefixes: [...prefixes], isTruncated: true };
    if (common === undefined) shown.push(object);
    else prefixes.add(common);
  }
  return { objects: shown, commonPrefixes: [...prefixes], isTruncated: false };
};

/** What SQS refuses in a body; with `u`, which fauxqs leaves out, a character above U+FFFF is one character. */
const INVALID_BODY = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

const load = (file: string): Promise<unknown> => import(new URL(file, import.meta.resolve('fauxqs')).href);

export type FauxqsStores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>['stores']>;

/** What fauxqs keeps things in, made here so that the topics can be read. */
export const fauxqsStores = async (): Promise<FauxqsStores> => {
  const { SqsStore } = (await load('sqs/sqsStore.js')) as { readonly SqsStore: new () => FauxqsStores['sqsStore'] };
  const { SnsStore } = (await load('sns/snsStore.js')) as { readonly SnsStore: new () => FauxqsStores['snsStore'] };
  const { S3Store: Objects } = (await load('s3/s3Store.js')) as { readonly S3Store: new () => FauxqsStores['s3Store'] };
  return { sqsStore: new SqsStore(), snsStore: new SnsStore(), s3Store: new Objects() };
};

/**
 * Mends two faults of fauxqs in place, by its own modules: keys were listed in the order of a language and paged in
 * another, so that a listing could skip some; and a message with an emoji was refused.
 *
 * The modules are not part of its interface: the contract tests of queue and objects tell when it changes.
 */
export const mendFauxqs = async (): Promise<void> => {
  const { S3Store: Store } = (await load('s3/s3Store.js')) as { readonly S3Store: { readonly prototype: S3Store } };
  const { INVALID_MESSAGE_BODY_CHAR: pattern } = (await load('sqs/sqsTypes.js')) as {
    readonly INVALID_MESSAGE_BODY_CHAR: RegExp;
  };
  pattern.test = (text) => INVALID_BODY.test(text);
  const all = Store.prototype.listObjects;
  if (all.name === 'listMended') return;
  Store.prototype.listObjects = function listMended(bucket, request = {}) {
    const { objects } = all.call(this, bucket, { prefix: request.prefix ?? '', maxKeys: Number.POSITIVE_INFINITY });
    return listInByteOrder(objects, request);
  };
};
