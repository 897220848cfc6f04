import { checkText } from '#primitives/checks';
import type { Objects } from '#primitives/objects';
import type { Table } from '#primitives/table';
import type { ConfigCandidate } from './step.ts';

/** Where a configuration comes from. */
export interface ConfigSource {
  /** For logs and reports: no secret in it. */
  readonly name: string;
  /** What is there now; undefined when there is nothing. Rejects when the source does not answer. */
  read(): Promise<ConfigCandidate | undefined>;
}

/** Where `configStore` keeps the configuration `name`. */
export const configKey = (name: string) => ({ partition: `config/${name}`, sort: 'config' });

/** The record of `name` in a table, as `configStore` writes it. One consistent read a look. */
export const tableConfigSource = (options: { readonly table: Table; readonly name: string }): ConfigSource => {
  const { table, name } = options;
  checkText('name', name, 1, 256);
  return Object.freeze({
    name: `table ${table.name}, ${name}`,
    read: async () => {
      const record = await table.get(configKey(name));
      return record === undefined ? undefined : { version: record['version'], value: record['value'] };
    },
  });
};

/** More is no configuration, and would have to fit into memory twice. */
const MAX_OBJECT_BYTES = 1_048_576;

const candidateOf = (body: Uint8Array): ConfigCandidate => {
  const damaged = { version: undefined, value: undefined };
  if (body.length > MAX_OBJECT_BYTES) return damaged;
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    if (typeof parsed !== 'object' || parsed === null || !('version' in parsed) || !('value' in parsed)) return damaged;
    return { version: parsed.version, value: parsed.value };
  } catch {
    return damaged;
  }
};

/** An object that holds `{"version": 7, "value": …}`, at most 1 MiB. One read a look. */
export const objectConfigSource = (options: { readonly objects: Objects; readonly key: string }): ConfigSource => {
  const { objects, key } = options;
  checkText('key', key, 1, 1024);
  return Object.freeze({
    name: `bucket ${objects.name}, ${key}`,
    read: async () => {
      const object = await objects.get(key);
      return object === undefined ? undefined : candidateOf(object.body);
    },
  });
};
