import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidArgumentError } from '#primitives/errors';
import { refuse } from '#primitives/checks';
import { configSync } from '#single-node/sidecar/config-sync/config-sync';
import { objectConfigSource, tableConfigSource, type ConfigSource } from '#single-node/sidecar/config-sync/sources';
import type { Validate } from '#single-node/sidecar/config-sync/step';
import { nodeFiles } from '#single-node/sidecar/node-files';
import type { OptionValues } from './options.ts';
import type { SidecarCommand } from './sidecar-command.ts';

const LONGEST_MS = 600_000;

const ms = (help: string, byDefault: number) =>
  ({ kind: 'integer', min: 1, max: LONGEST_MS, default: byDefault, help }) as const;

/** The backend is only loaded by who uses it: it brings the SDK. */
const sourceOf = async (values: OptionValues): Promise<ConfigSource> => {
  if (values.has('table') === values.has('bucket'))
    throw refuse('options', 'one of --table and --bucket', values.has('table') ? 'both' : 'none');
  if (values.has('table')) {
    const { awsTable } = await import('#primitives/aws/table');
    return tableConfigSource({ table: awsTable({ name: values.text('table') }), name: values.text('name') });
  }
  const { awsObjects } = await import('#primitives/aws/objects');
  return objectConfigSource({ objects: awsObjects({ name: values.text('bucket') }), key: values.text('name') });
};

/** The `validate` that a module exports. */
const validatorOf = async (values: OptionValues): Promise<Validate> => {
  const file = resolve(values.text('validator'));
  let found: { readonly validate?: unknown };
  try {
    found = (await import(pathToFileURL(file).href)) as typeof found;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(`Expected '--validator' to be a module that loads: ${why}`);
  }
  if (typeof found.validate !== 'function')
    throw refuse('--validator', "a module that exports a function 'validate'", typeof found.validate);
  return found.validate as Validate;
};

/** `sidecar config-sync`: the configuration file of a program, as new as its source. */
export const configSyncCommand: SidecarCommand = {
  summary: "keeps a program's configuration file as new as a table or a bucket",
  help: `
Looks at the source again and again. A newer version that the validator accepts replaces the file at once; what is
invalid, late or older never reaches it, and when the source does not answer the last good one stays. The file holds
{"version": 7, "value": ...}. The source: the record config/NAME of a table, as configStore writes it, or the object
NAME of a bucket, {"version": 7, "value": ...}. The validator is a module:

  export const validate = (value) =>
    typeof value?.greeting === 'string' ? { value } : { reason: 'greeting: expected a text' };

  distributed-patterns sidecar config-sync --table settings --name shop --file /etc/shop.json --validator shop.mjs`,
  options: {
    table: { kind: 'text', value: 'TABLE', help: 'the table of the configurations' },
    bucket: { kind: 'text', value: 'BUCKET', help: 'or the bucket' },
    name: { kind: 'text', value: 'NAME', help: 'the name of the configuration, or the key of the object' },
    file: { kind: 'text', value: 'FILE', help: 'the file that the program reads' },
    validator: { kind: 'text', value: 'MODULE', help: "a module that exports 'validate'" },
    'interval-ms': { kind: 'integer', min: 10, max: 86_400_000, default: 10_000, help: 'between two looks' },
    'read-ms': ms('for a look at the source', 5_000),
    'wait-ms': ms('how long the start waits for the first look', 5_000),
  },
  make: async (values, { clock, random, log }) =>
    configSync({
      file: resolve(values.text('file')),
      validate: await validatorOf(values),
      source: await sourceOf(values),
      intervalMs: values.integer('interval-ms'),
      readMs: values.integer('read-ms'),
      waitMs: values.integer('wait-ms'),
      looks: 'interval',
      files: nodeFiles(),
      clock,
      random,
      log,
    }),
};
