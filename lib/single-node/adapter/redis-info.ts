import { checkInteger } from '#primitives/checks';
import { numberIn, scaled } from './numbers.ts';
import type { MetricFamily, Reading, Sample } from './metric.ts';
import { INFO_FIELDS, INFO_GROUPS, type InfoField, type InfoGroup } from './redis-metrics.ts';

const INSTANCE = {
  name: 'redis_instance_info',
  help: 'What the server says that it is; always 1.',
  type: 'gauge',
} as const;
/** Words of INFO that are labels of {@link INSTANCE}. Valkey says what it is beside the version of Redis it is like. */
const INSTANCE_LABELS: ReadonlyMap<string, string> = new Map([
  ['redis_version', 'version'],
  ['valkey_version', 'valkey_version'],
  ['redis_mode', 'mode'],
  ['server_mode', 'mode'],
  ['role', 'role'],
]);
/** INFO of a busy server with every section is 30 KB. */
const MAX_TEXT_LENGTH = 1_048_576;
const MAX_LABEL_LENGTH = 100;

/** Collects samples by family, at most so many to a family. */
const collector = (maxSeriesCount: number) => {
  const families = new Map<string, { readonly field: Omit<InfoField, 'scale'>; readonly samples: Sample[] }>();
  const add = (field: Omit<InfoField, 'scale'>, labels: Readonly<Record<string, string>>, value: number): boolean => {
    const family = families.get(field.name) ?? { field, samples: [] };
    if (family.samples.length === maxSeriesCount) return false;
    families.set(field.name, family);
    family.samples.push({ labels, value });
    return true;
  };
  const all = (): readonly MetricFamily[] =>
    [...families.values()].map(({ field: { name, help, type }, samples }) => ({ name, help, type, samples }));
  return { add, all };
};
type Collector = ReturnType<typeof collector>;

const valueOf = ({ word, scale = 1 }: InfoField, text: string): number | undefined => {
  if (word !== undefined) return Number(text === word);
  const value = numberIn(text);
  return value === undefined ? undefined : scaled(value, scale);
};

/** `keys=3,expires=1,avg_ttl=0`: parts that are not known are those of other versions. How many could not be read. */
const readGroup = (into: Collector, group: InfoGroup, name: string, text: string): number => {
  let unparsed = 0;
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const key = part.slice(0, Math.max(0, at));
    const field = Object.hasOwn(group.parts, key) ? group.parts[key] : undefined;
    if (at < 1) unparsed += 1;
    else if (field !== undefined) {
      const value = valueOf(field, part.slice(at + 1));
      if (value === undefined || !into.add(field, { [group.label]: name }, value)) unparsed += 1;
    }
  }
  return unparsed;
};

const groupOf = (key: string): readonly [InfoGroup, string] | undefined => {
  const group = INFO_GROUPS.find(({ prefix }) => key.startsWith(prefix));
  if (group === undefined) return undefined;
  const rest = key.slice(group.prefix.length);
  if (group.keepsPrefix === true) return /^\d{1,5}$/.test(rest) ? [group, key] : undefined;
  return [group, rest.slice(0, MAX_LABEL_LENGTH).toWellFormed()];
};

/** One field; how much of it could not be read. Fields that nobody asks for are read as nothing. */
const readField = (into: Collector, instance: Map<string, string>, key: string, text: string): number => {
  const label = INSTANCE_LABELS.get(key);
  if (label !== undefined) instance.set(label, text.slice(0, MAX_LABEL_LENGTH).toWellFormed());
  const field = INFO_FIELDS.get(key);
  if (field !== undefined) {
    const value = valueOf(field, text);
    return value !== undefined && into.add(field, field.labels ?? {}, value) ? 0 : 1;
  }
  const found = groupOf(key);
  return found === undefined ? 0 : readGroup(into, found[0], found[1], text);
};

/**
 * The reply of Redis' (or Valkey's) INFO as metrics, in base units. Sections may be missing, fields of other versions are
 * passed over, what cannot be read is counted; nothing in the text makes it fail.
 *
 * @param options.maxSeriesCount How many commands, errors and databases are told of each, 1..10 000; what is over
 *   counts as unparsed. Default 500.
 */
export const redisInfo = (text: string, options: { readonly maxSeriesCount?: number } = {}): Reading => {
  const { maxSeriesCount = 500 } = options;
  checkInteger('maxSeriesCount', maxSeriesCount, 1, 10_000);
  const into = collector(maxSeriesCount);
  const instance = new Map<string, string>();
  const seen = new Set<string>();
  let unparsedCount = text.length > MAX_TEXT_LENGTH ? 1 : 0;
  for (const raw of text.slice(0, MAX_TEXT_LENGTH).split('\n')) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line === '' || line.startsWith('#')) continue;
    const at = line.indexOf(':');
    const key = line.slice(0, Math.max(0, at));
    // A field that comes twice would be two samples of one series.
    if (at < 1 || seen.has(key)) unparsedCount += 1;
    else unparsedCount += readField(into, instance, key, line.slice(at + 1));
    seen.add(key);
  }
  const samples = instance.has('version') ? [{ labels: Object.fromEntries(instance), value: 1 }] : [];
  return { families: [{ ...INSTANCE, samples }, ...into.all()], unparsedCount };
};
