import { HOP_BY_HOP } from '#primitives/hop-by-hop';

/** Headers as they go from one end to the other: by lower-case name, with all their values. */
export type HeaderValues = Readonly<Record<string, readonly string[]>>;

/** Between two neighbours only. */
const BETWEEN_NEIGHBOURS = new Set([
  ...HOP_BY_HOP,
  'expect',
  // Made anew for each hop.
  'host',
  'content-length',
]);

/** By which the parts of a platform speak to each other: nobody outside may write them, or needs to read them. */
const isInternal = (name: string): boolean => /^x-(?:internal|stack|amz|amzn|amz-cf)-/.test(name);

/** A token and visible text. @see https://www.rfc-editor.org/rfc/rfc9110#section-5.5 */
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Whether a header can be written without becoming another: no CR, LF or NUL in it, and a name that is one. */
export const isWritable = (name: string, values: readonly string[]): boolean =>
  NAME.test(name) && values.every((value) => VALUE.test(value));

/**
 * What of some headers goes on to the next hop: not those between neighbours, not those that `connection` names, not the
 * platform's own.
 */
export const endToEnd = (headers: HeaderValues): HeaderValues => {
  const named = new Set(
    (headers['connection'] ?? []).flatMap((value) => value.split(',').map((name) => name.trim().toLowerCase())),
  );
  const kept = Object.entries(headers)
    .map(([name, values]) => [name.toLowerCase(), values] as const)
    .filter(([name]) => !BETWEEN_NEIGHBOURS.has(name) && !named.has(name) && !isInternal(name))
    .filter(([, values]) => values.length > 0);
  return Object.freeze(Object.fromEntries(kept));
};
