/** An element of a document: its children, or its text. Attributes, comments and namespaces are of no interest here. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

const MAX_ELEMENTS = 20_000;
const MAX_DEPTH = 20;
/** What may stand in a document: a tag, or what is skipped. */
const TOKEN = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<(\/?)([\w:.-]+)(?:\s[^<>]*?)?(\/?)>/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

const unescaped = (text: string): string =>
  text.replace(/&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w{2,4}));/gi, (whole, hex?: string, decimal?: string, name = '') => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    if (hex === undefined && decimal === undefined) return ENTITIES[String(name)] ?? whole;
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole;
  });

interface Open {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

/** The root of a document; undefined when it is none, or too large. Only as much of XML as S3's requests need. */
export const parseXml = (document: string): XmlElement | undefined => {
  const root: Open = { name: '', children: [], text: '' };
  const open: Open[] = [root];
  let position = 0;
  let count = 0;
  for (const token of document.matchAll(TOKEN)) {
    const top = open.at(-1);
    if (top === undefined) return undefined;
    top.text += document.slice(position, token.index);
    position = token.index + token[0].length;
    const [, closes, name, isEmpty] = token;
    if (name === undefined) continue;
    count += 1;
    if (count > MAX_ELEMENTS || open.length > MAX_DEPTH) return undefined;
    if (closes === '') open.push({ name, children: [], text: '' });
    if (closes === '' && isEmpty === '') continue;
    const ended = open.pop();
    if (ended === undefined || ended.name !== name) return undefined;
    const text = ended.children.length === 0 ? unescaped(ended.text) : '';
    open.at(-1)?.children.push({ name, children: ended.children, text });
  }
  return open.length === 1 && root.children.length === 1 ? root.children[0] : undefined;
};

export const childrenOf = (element: XmlElement, name: string): readonly XmlElement[] =>
  element.children.filter((child) => child.name === name);

export const textOf = (element: XmlElement, name: string): string | undefined => childrenOf(element, name)[0]?.text;
