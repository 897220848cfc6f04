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

/**
 * What of some headers goes on to the next hop: not those between neighbours, not those that `connection` names, not the
 * platform's own. Undefined when one cannot be written without becoming another (CR, LF, NUL, no name).
 */
export const endToEnd = (headers: HeaderValues): HeaderValues | undefined => {
  const named = new Set(
    (headers['connection'] ?? []).flatMap((value) => value.split(',').map((name) => name.trim().toLowerCase())),
  );
  const kept: [string, readonly string[]][] = [];
  for (const [name, values] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (BETWEEN_NEIGHBOURS.has(key) || named.has(key) || isInternal(key) || values.length === 0) continue;
    if (!NAME.test(key) || !values.every((value) => VALUE.test(value))) return undefined;
    kept.push([key, values]);
  }
  return Object.freeze(Object.fromEntries(kept));
};
