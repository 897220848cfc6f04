import { normalize } from 'node:path';
import { isLocalStage } from '#primitives/local-stage';

/** What an operator can set by environment variables; the functions get it through the template. */
export interface Settings {
  /** How long a lease lasts that nobody renews. */
  readonly leaseMs: number;
  /** How long a queue hides a message that was received. */
  readonly visibilityTimeoutS: number;
  /** How often a message is received before it counts as undeliverable. */
  readonly maxReceiveCount: number;
  /** After so long a first attempt that never ended may be repeated. */
  readonly idempotencyInProgressMs: number;
  /** How long a two-factor code is good for. */
  readonly codeLifetimeMs: number;
  /** How often a sidecar looks for a new configuration. */
  readonly syncIntervalMs: number;
  /** The repository whose versions the legacy program of the sidecar pattern follows; empty: the one that came with it. */
  readonly sidecarRepository: string;
  /** The branch of it. */
  readonly sidecarBranch: string;
  /** How long a value of the replicated service's cache is fresh. */
  readonly cacheTtlMs: number;
  /** What one client may ask of the replicated service: in the long run, and at once. */
  readonly clientRatePerSecond: number;
  readonly clientBurstCount: number;
  /** Added to what a host believes the time to be. */
  readonly clockOffsetMs: number;
  /** The table of the effects. */
  readonly effectTable: string;
  /** Where the worker `record` also posts its items; empty: nowhere. */
  readonly effectUrl: string;
  /** A Redis that the adapter looks at, `host:port`; empty: none. */
  readonly redisAddress: string;
  /** JSON statistics that the adapter looks at; empty: none. */
  readonly statsUrl: string;
  /** How many leaves the document search has. */
  readonly scatterGatherLeaves: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** Follows from the visibility timeout: a sixth of it, rounded down, at least 1. */
  readonly workerTimeoutS: number;
  /** True in stages that run on one machine only. */
  readonly isLocal: boolean;
  /** Who may call the HTTP routes: outside local stages only who signs with IAM credentials. Empty: everybody. */
  readonly authorizer: 'aws_iam' | '';
  /** Opens the admin routes to who sends it, in local stages. Empty: they are closed. */
  readonly adminToken: string;
  /** Who is admin outside local stages: ARNs of IAM roles and users, with commas between them. Empty: nobody. */
  readonly adminArns: string;
  /** Who is told of alarms by e-mail, outside local stages. Empty: nobody. */
  readonly alarmEmail: string;
  /** `host:port` of targets on this machine that local stages may register with the ambassador, with commas between. */
  readonly ambassadorLocalTargets: string;
  /** Whether tables and buckets stay when the stack is removed: outside local stages, unless told otherwise. */
  readonly retainsData: boolean;
}

/** One or more settings that cannot be used. The message has a line for each: name, what is allowed, what was given. */
class SettingError extends Error {
  override readonly name = 'SettingError';
}

type Environment = Readonly<Record<string, string | undefined>>;

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const HOUR_MS = 3_600_000;
/** The longest that SQS hides a message: 12 hours. */
const MAX_VISIBILITY_S = 43_200;
/** The most that a redrive policy accepts. */
const MAX_RECEIVES = 1_000;

/**
 * 65 s leave a worker 10 s and a batching window of up to 5 s: visibility ≥ 6 × timeout + window, as AWS advises.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
 */
const DEFAULT_VISIBILITY_S = 65;
const VISIBILITY_TO_TIMEOUT = 6;
const ARN = /arn:aws[a-z-]*:iam::\d{12}:(?:role|user)\/[\w+=.@/-]+/.source;
const ADMIN_ARNS = new RegExp(`^${ARN}(?:,${ARN})*$`);
/** The longest that Lambda lets a function run. */
const MAX_WORKER_TIMEOUT_S = 900;

const PORT = /(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])/.source;
const HOST_AND_PORT = new RegExp(`^[A-Za-z0-9][A-Za-z0-9.-]{0,252}:${PORT}$`);
const TARGET = /(?:[\w.-]{1,253}|\[[\da-fA-F:.]+\]):\d{1,5}/.source;
const LOCAL_TARGETS = new RegExp(`^${TARGET}(?:,${TARGET}){0,99}$`);

/** @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
const BEARER_TOKEN = /^[\w.~+/=-]{1,256}$/;

/** No secrets in front of the host: only ssh has a user there. Nothing that a program would take for an option. */
const REPOSITORY_URL = /^(?:https?:\/\/|ssh:\/\/(?:[\w.][\w.-]{0,63}@)?)[\w.[][^\\/?#@]*(?!\/-)(?:[/?#].*)?$/;

/** As the sidecar itself takes it (a test compares them): what it would refuse at each call stops the start instead. */
const isRepository = (text: string, isLocal: boolean): boolean => {
  if (!/^[\x21-\x7e]{1,1024}$/.test(text) || (!isLocal && !/^(https|ssh):/.test(text))) return false;
  if (text.startsWith('/')) return normalize(text) === text;
  return REPOSITORY_URL.test(text) && URL.canParse(text);
};

/** Reads variables one by one and remembers what was wrong with each. An empty variable counts as not set. */
const reader = (environment: Environment) => {
  const errors: string[] = [];
  const given = (name: string): string | undefined => environment[name] || undefined;
  const refuse = <T>(name: string, allowed: string, fallback: T, shown = given(name)): T => {
    errors.push(`Expected ${name} to be ${allowed}, got '${shown}'.`);
    return fallback;
  };
  return {
    errors,
    integer: (name: string, fallback: number, from: number, to: number): number => {
      const text = given(name);
      if (text === undefined) return fallback;
      const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
      return value >= from && value <= to ? value : refuse(name, `an integer from ${from} to ${to}`, fallback);
    },
    matching: (name: string, fallback: string, pattern: RegExp, allowed: string): string => {
      const text = given(name) ?? fallback;
      return text === fallback || pattern.test(text) ? text : refuse(name, allowed, fallback);
    },
    url: (name: string): string => {
      const text = given(name) ?? '';
      const url = URL.parse(text);
      const isUsable = text === '' || (url !== null && /^https?:$/.test(url.protocol));
      return isUsable ? text : refuse(name, 'an http or https address', '');
    },
    repository: (name: string, isLocal: boolean): string => {
      const text = given(name) ?? '';
      if (text === '' || isRepository(text, isLocal)) return text;
      const allowed = `an https or ssh address without a password${isLocal ? ', or an absolute path on this machine' : ''}`;
      // What stands before a host may be a password.
      return refuse(name, allowed, '', text.replace(/^[^]*@/, '…@'));
    },
    oneOf: <T extends string>(name: string, fallback: T, allowed: readonly T[]): T => {
      const text = given(name) ?? fallback;
      return allowed.find((each) => each === text) ?? refuse(name, `one of ${allowed.join(', ')}`, fallback);
    },
  };
};

/**
 * The settings of a stage: what the environment says, else the defaults.
 *
 * @throws {@link SettingError} when one or more are out of range; it names all of them.
 */
export const readSettings = (
  environment: Environment,
  target: { readonly service: string; readonly stage: string },
): Settings => {
  const read = reader(environment);
  const visibilityTimeoutS = read.integer('VISIBILITY_TIMEOUT_S', DEFAULT_VISIBILITY_S, 1, MAX_VISIBILITY_S);
  const isLocal = isLocalStage(target.stage);
  const settings: Settings = {
    leaseMs: read.integer('LEASE_MS', 15_000, 1_000, 900_000),
    visibilityTimeoutS,
    maxReceiveCount: read.integer('MAX_RECEIVE_COUNT', 5, 1, MAX_RECEIVES),
    idempotencyInProgressMs: read.integer('IDEMPOTENCY_IN_PROGRESS_MS', 30_000, 1_000, 900_000),
    codeLifetimeMs: read.integer('CODE_LIFETIME_MS', 300_000, 1_000, 600_000),
    syncIntervalMs: read.integer('SYNC_INTERVAL_MS', 10_000, 1_000, HOUR_MS),
    sidecarRepository: read.repository('SIDECAR_REPOSITORY', isLocal),
    sidecarBranch: read.matching(
      'SIDECAR_BRANCH',
      'main',
      /^[A-Za-z0-9_][A-Za-z0-9_./-]{0,199}$/,
      'the name of a branch',
    ),
    cacheTtlMs: read.integer('CACHE_TTL_MS', 60_000, 1_000, 12 * HOUR_MS),
    clientRatePerSecond: read.integer('CLIENT_RATE_PER_SECOND', 20, 1, 100_000),
    clientBurstCount: read.integer('CLIENT_BURST_COUNT', 100, 1, 100_000),
    clockOffsetMs: read.integer('CLOCK_OFFSET_MS', 0, -24 * HOUR_MS, 24 * HOUR_MS),
    effectTable: read.matching(
      'EFFECT_TABLE',
      `${target.service}-${target.stage}-work-queue-effects`,
      /^[a-zA-Z0-9_.-]{3,255}$/,
      'the name of a table: 3 to 255 of a-z A-Z 0-9 _ . -',
    ),
    effectUrl: read.url('EFFECT_URL'),
    redisAddress: read.matching('REDIS_ADDRESS', '', HOST_AND_PORT, 'host:port'),
    statsUrl: read.url('STATS_URL'),
    scatterGatherLeaves: read.integer('SCATTER_GATHER_LEAVES', 4, 1, 24),
    logLevel: read.oneOf('LOG_LEVEL', 'info', LOG_LEVELS),
    workerTimeoutS: Math.min(MAX_WORKER_TIMEOUT_S, Math.max(1, Math.floor(visibilityTimeoutS / VISIBILITY_TO_TIMEOUT))),
    isLocal,
    authorizer: isLocal ? '' : 'aws_iam',
    adminToken: isLocal ? read.matching('ADMIN_TOKEN', '', BEARER_TOKEN, '1 to 256 of a-z A-Z 0-9 - . _ ~ + / =') : '',
    adminArns: isLocal
      ? ''
      : read.matching('ADMIN_ARNS', '', ADMIN_ARNS, 'ARNs of IAM roles or users, with commas between'),
    alarmEmail: read.matching('ALARM_EMAIL', '', /^[^\s@]+@[^\s@]+$/, 'an e-mail address'),
    ambassadorLocalTargets: isLocal
      ? read.matching('AMBASSADOR_LOCAL_TARGETS', '', LOCAL_TARGETS, 'host:port of targets, with commas between')
      : '',
    retainsData: !isLocal && read.oneOf('RETAIN_DATA', 'true', ['true', 'false']) === 'true',
  };
  if (read.errors.length > 0) throw new SettingError(read.errors.join('\n'));
  return Object.freeze(settings);
};
