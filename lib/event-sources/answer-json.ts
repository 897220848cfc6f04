/** What a function answered, as a value; undefined when it is no JSON. */
export const parseAnswer = (payload: string): { readonly value: unknown } | undefined => {
  try {
    // A function that returns nothing answers with no bytes at all on some hosts: it is the same as null.
    return { value: payload === '' ? null : JSON.parse(payload) };
  } catch {
    return undefined;
  }
};
