import { checkInteger, refuse } from '#primitives/checks';
import type { Fields, Key } from '#primitives/table';
import { cachedReads, type CachedReadsOptions } from './cached-reads.ts';
import { addressOf, readTarget, type TargetRules } from './target.ts';
import type { Service } from './types.ts';

export interface RegistryOptions extends CachedReadsOptions, TargetRules {}

/** A service as somebody registers it. */
export interface Registration {
  /** http or https, without credentials, query and fragment. */
  readonly target: string;
  /** Absolute, below the target: `/health`. */
  readonly healthPath?: string | undefined;
  /** How long one attempt may take. 1..28_000 ms, default 5_000. */
  readonly timeoutMs?: number | undefined;
}

export type Registered =
  | { readonly status: 'registered'; readonly service: Service }
  | { readonly status: 'refused'; readonly field: 'target' | 'healthPath'; readonly reason: string };

/**
 * The services that may be called, by name. Nothing else is: no request says an address. What is registered is judged
 * then, and again at each connection, because names change their addresses.
 */
export interface Registry {
  /**
   * Registers, or replaces. Hosts that know the old one go on with it for `refreshMs` at most.
   *
   * @throws {@link InvalidArgumentError} when the name or the time limit is out of its range
   */
  put(name: string, registration: Registration): Promise<Registered>;
  /** No call when this host knows, else one read. */
  get(name: string): Promise<Service | undefined>;
}

const DEFAULT_TIMEOUT_MS = 5_000;
const MAX_TIMEOUT_MS = 28_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const HEALTH_PATH = /^\/[\x21-\x22\x24-\x7e]{0,1023}$/;

/**
 * True for what services and experiments may be called: it is written into headers, keys and logs. Not for what every
 * object has (`constructor`): such a name is found where nobody has put it.
 */
export const isName = (text: string): boolean => NAME.test(text) && !(text in {});

/** @throws {@link InvalidArgumentError} when it is none */
export const checkName = (field: string, name: string): void => {
  if (!isName(name)) throw refuse(field, '1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit', name);
};

const keyOf = (name: string): Key => ({ partition: `service/${name}`, sort: 'service' });

/** Undefined for a record that we have not written. */
const serviceOf = (fields: Fields | undefined): Service | undefined => {
  const { target: url, healthPath, timeoutMs } = fields ?? {};
  if (typeof url !== 'string' || typeof timeoutMs !== 'number') return undefined;
  const target = readTarget(url);
  if (!target.ok) return undefined;
  return Object.freeze({
    url,
    target: target.value,
    timeoutMs,
    ...(typeof healthPath === 'string' ? { healthPath } : {}),
  });
};

/** @throws {@link InvalidArgumentError} when an option is out of its range */
export const registry = (options: RegistryOptions): Registry => {
  const { resolve, localTargets, ...reading } = options;
  const rules: TargetRules = {
    ...(resolve === undefined ? {} : { resolve }),
    ...(localTargets === undefined ? {} : { localTargets }),
  };
  const { table } = reading;
  const reads = cachedReads(reading);

  return Object.freeze<Registry>({
    put: async (name, registration) => {
      checkName('name', name);
      const { target: url, healthPath, timeoutMs = DEFAULT_TIMEOUT_MS } = registration;
      checkInteger('timeoutMs', timeoutMs, 1, MAX_TIMEOUT_MS);
      if (healthPath !== undefined && (!HEALTH_PATH.test(healthPath) || isClimbing(healthPath)))
        return { status: 'refused', field: 'healthPath', reason: 'Expected an absolute path.' };
      const target = readTarget(url);
      if (!target.ok) return { status: 'refused', field: 'target', reason: target.reason };
      const address = await addressOf(target.value, rules);
      if (!address.ok) return { status: 'refused', field: 'target', reason: address.reason };
      const fields: Fields = { target: url, timeoutMs, ...(healthPath === undefined ? {} : { healthPath }) };
      await table.put({ key: keyOf(name), fields });
      reads.forget(keyOf(name));
      const service = serviceOf(fields);
      if (service === undefined) throw refuse('registration', 'one that can be read back', registration);
      return { status: 'registered', service };
    },
    get: async (name) => (isName(name) ? serviceOf(await reads.get(keyOf(name))) : undefined),
  });
};

/**
 * True for a path that some server may take for one above its beginning: a segment that is `..` when it is decoded, once
 * or twice, with any slash.
 */
export const isClimbing = (path: string): boolean => {
  let text = path;
  for (let times = 0; times < 3; times += 1) {
    if (/(?:^|[/\\])\.{1,2}(?:[/\\;?]|$)/.test(text)) return true;
    text = text.replaceAll(/%2e/gi, '.').replaceAll(/%2f/gi, '/').replaceAll(/%5c/gi, '\\').replaceAll(/%25/gi, '%');
  }
  return false;
};
