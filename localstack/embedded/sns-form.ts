import type { LetterAttribute } from './letters.ts';

/** The fields of a form that are numbered below a prefix: `Entries.member.1.Id` … by their number. */
export const numbered = (form: URLSearchParams, prefix: string): readonly ReadonlyMap<string, string>[] => {
  const found = new Map<number, Map<string, string>>();
  for (const [name, value] of form) {
    if (!name.startsWith(`${prefix}.`)) continue;
    const rest = name.slice(prefix.length + 1);
    const dot = rest.indexOf('.');
    const number = Number(rest.slice(0, dot));
    if (dot < 0 || !Number.isInteger(number)) continue;
    const fields = found.get(number) ?? new Map<string, string>();
    found.set(number, fields.set(rest.slice(dot + 1), value));
  }
  return [...found].toSorted(([a], [b]) => a - b).map(([, fields]) => fields);
};

/** `{prefix}.entry.1.key`, `.value`: a map of texts. */
export const textMap = (form: URLSearchParams, prefix: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    numbered(form, `${prefix}.entry`).map((fields) => [fields.get('key') ?? '', fields.get('value') ?? '']),
  );

/** The attributes of a message. */
export const messageAttributes = (form: URLSearchParams): Readonly<Record<string, LetterAttribute>> =>
  Object.fromEntries(
    numbered(form, 'MessageAttributes.entry').map((fields) => {
      const text = fields.get('Value.StringValue');
      const binary = fields.get('Value.BinaryValue');
      const attribute = {
        DataType: fields.get('Value.DataType') ?? '',
        ...(text === undefined ? {} : { StringValue: text }),
        ...(binary === undefined ? {} : { BinaryValue: binary }),
      };
      return [fields.get('Name') ?? '', attribute];
    }),
  );
