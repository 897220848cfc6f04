/** Header fields of an answer, under names of any case. */
type Fields = Readonly<Record<string, string>>;

/** The value of a field, undefined where there is none; of one that is there in several cases, all. */
export const fieldOf = (fields: Fields, name: string): string | undefined => {
  const values = Object.entries(fields).flatMap(([given, value]) => (given.toLowerCase() === name ? [value] : []));
  return values.length === 0 ? undefined : values.join(', ');
};

const without = (fields: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name.toLowerCase())));

/** Tells caches that the answer depends on what the client can read, besides what it depended on before. */
export const varyByEncoding = (fields: Fields): Fields => {
  const given = fieldOf(fields, 'vary') ?? '';
  const names = given.toLowerCase().split(/[\s,]+/);
  if (names.includes('*') || names.includes('accept-encoding')) return fields;
  return { ...without(fields, ['vary']), vary: given.trim() === '' ? 'accept-encoding' : `${given}, accept-encoding` };
};

/**
 * The fields of an answer that was compressed: another length, which who sends it knows, and other bytes, for which a
 * strong ETag of the text does not stand.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3.3
 */
export const gzipFields = (fields: Fields): Fields => {
  const etag = fieldOf(fields, 'etag');
  const left = without(fields, ['content-length', 'etag']);
  const weak = etag === undefined ? {} : { etag: etag.startsWith('W/') ? etag : `W/${etag}` };
  return { ...left, ...weak, 'content-encoding': 'gzip' };
};
