import { checkInteger, checkNames, checkText } from '#primitives/checks';
import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { absent, equals, type Json, type Table, type WriteOutcome } from '#primitives/table';
import { configKey } from './sources.ts';
import type { Config } from './step.ts';

/** `unchanged`: the same value was there, and keeps its version. */
export type ConfigPutOutcome =
  | { readonly status: 'written' | 'unchanged'; readonly version: number }
  /** The version is not the expected one; nothing was written. 0 stands for nothing there. */
  | { readonly status: 'conflict'; readonly version: number };

/** Configurations by name, each with a version that grows by one with every change, for as long as the table lives. */
export interface ConfigStore {
  /** One consistent read; undefined when there is none of that name. */
  get(name: string): Promise<Config | undefined>;
  /**
   * Replaces the value: one read and one conditional write, more when others write at the same time. Who validates is
   * the caller: what is refused by no schema here is still refused by the sidecar's own.
   *
   * Repeating it is safe, with another token too: the same value again changes nothing, and a late first attempt is
   * refused by its version. What is one version beyond the expected one with the very same value is such a repeat.
   *
   * @param options.token Tells the write from others when its answer is lost: unique for each call.
   * @param options.expectedVersion Written only when this is the version; 0 when there is none.
   * @throws {@link UnavailableError} when others write all the time
   */
  put(
    name: string,
    value: Json,
    options: { readonly token: string; readonly expectedVersion?: number },
  ): Promise<ConfigPutOutcome>;
}

const TRIES = 12;

/** The same text for the same JSON, whatever the order of its keys. */
const canonical = (value: Json): string =>
  JSON.stringify(value, (_, inner: Json) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );

const versionOf = (record: Readonly<Record<string, unknown>> | undefined): number => {
  const version = record?.['version'];
  return typeof version === 'number' ? version : 0;
};

const jsonOf = (value: unknown): Json => (value === undefined ? null : (value as Json));

/** Keeps configurations in a table: the record `config/<name>`. */
export const configStore = (options: { readonly table: Table }): ConfigStore => {
  checkNames(options, ['table']);
  const { table } = options;

  /** Undefined: somebody else was faster. */
  const write = async (name: string, value: Json, before: number, token: string): Promise<number | undefined> => {
    const version = before + 1;
    let outcome: WriteOutcome;
    try {
      outcome = await table.put({
        key: configKey(name),
        fields: { version, value, token },
        condition: before === 0 ? absent() : equals('version', before),
      });
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw error;
      const record = await table.get(configKey(name));
      return record?.['token'] === token ? versionOf(record) : undefined;
    }
    if (outcome.status === 'written') return version;
    // Refused by our own write, whose answer was lost below us.
    return outcome.current?.['token'] === token ? versionOf(outcome.current) : undefined;
  };

  return Object.freeze({
    get: async (name) => {
      checkText('name', name, 1, 256);
      const record = await table.get(configKey(name));
      return record === undefined ? undefined : { version: versionOf(record), value: jsonOf(record['value']) };
    },
    put: async (name, value, { token, expectedVersion }) => {
      checkText('name', name, 1, 256);
      checkText('token', token, 1, 256);
      if (expectedVersion !== undefined) checkInteger('expectedVersion', expectedVersion, 0, Number.MAX_SAFE_INTEGER);
      for (let tries = 0; tries < TRIES; tries += 1) {
        const record = await table.get(configKey(name));
        const before = versionOf(record);
        if (record !== undefined && record['token'] === token) return { status: 'written', version: before };
        const isSame = record !== undefined && canonical(jsonOf(record['value'])) === canonical(value);
        // One further: the answer of the first attempt was lost, or somebody else wrote what was to be written.
        const isExpected =
          expectedVersion === undefined || before === expectedVersion || (isSame && before === expectedVersion + 1);
        if (!isExpected) return { status: 'conflict', version: before };
        if (isSame) return { status: 'unchanged', version: before };
        const version = await write(name, value, before, token);
        if (version !== undefined) return { status: 'written', version };
      }
      throw new UnavailableError(`The configuration ${name} is changed by others all the time`);
    },
  } satisfies ConfigStore);
};
