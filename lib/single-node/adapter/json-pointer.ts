import { refuse } from '#primitives/checks';

const ESCAPES: Readonly<Record<string, string>> = { '~0': '~', '~1': '/' };

/**
 * A JSON pointer, read once: what it points to in a document, or undefined. Only own members are looked at.
 *
 * @throws {@link InvalidArgumentError} when it is no pointer
 * @see https://www.rfc-editor.org/rfc/rfc6901
 */
export const jsonPointer = (pointer: string): ((document: unknown) => unknown) => {
  if ((pointer !== '' && !pointer.startsWith('/')) || /~(?![01])/.test(pointer))
    throw refuse('pointer', "a JSON pointer such as '/jobs/0/done'", pointer);
  const segments = pointer
    .split('/')
    .slice(1)
    .map((segment) => segment.replaceAll(/~[01]/g, (escape) => ESCAPES[escape] ?? escape));
  return (document) => {
    let at: unknown = document;
    for (const segment of segments) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, segment)) return undefined;
      // An array's own `length` is not of the document.
      if (Array.isArray(at) && !/^(?:0|[1-9]\d*)$/.test(segment)) return undefined;
      at = (at as Readonly<Record<string, unknown>>)[segment];
    }
    return at;
  };
};
