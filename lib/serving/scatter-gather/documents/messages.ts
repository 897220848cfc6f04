import * as v from 'valibot';
import { isClean } from '#primitives/utf8';
import type { Document } from './types.ts';

const ID_LIMIT_BYTES = 256;
/** As many characters as fit into the largest body of a request. */
const TEXT_LIMIT = 65_536;
const DOCUMENTS_LIMIT = 1_000;

const plain = v.check(isClean, 'Expected text without NUL and lone surrogates.');

const documentSchema = v.strictObject({
  id: v.pipe(
    v.string(),
    v.minLength(1, 'Expected 1 character or more.'),
    plain,
    v.check((id) => Buffer.byteLength(id) <= ID_LIMIT_BYTES, `Expected at most ${ID_LIMIT_BYTES} bytes of UTF-8.`),
    v.check((id) => id.normalize('NFC') === id, 'Expected text in Unicode normalization form NFC.'),
  ),
  text: v.pipe(
    v.string(),
    v.minLength(1, 'Expected 1 character or more.'),
    v.maxLength(TEXT_LIMIT, `Expected at most ${TEXT_LIMIT} characters.`),
    plain,
  ),
});

/** What is posted, and what is sent to the queue. */
export const documentsSchema = v.strictObject({
  documents: v.pipe(
    v.array(documentSchema),
    v.minLength(1, 'Expected 1 document or more.'),
    v.maxLength(DOCUMENTS_LIMIT, `Expected at most ${DOCUMENTS_LIMIT} documents; send more in parts.`),
  ),
});

/** The documents of a message, or why it can't be read: by a fault that no repeat mends. */
export const readDocuments = (
  body: string,
): { readonly documents: readonly Document[] } | { readonly reason: string } => {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return { reason: 'the body is not JSON' };
  }
  const parsed = v.safeParse(documentsSchema, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  return { reason: `${v.getDotPath(issue) ?? 'the body'}: ${issue.message}`.slice(0, 256) };
};
