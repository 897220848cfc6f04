import * as v from 'valibot';
import { json } from '#batch/message';
import { defineApi, route } from '#http/api';
import { isName } from '#single-node/ambassador/registry';
import { isClean } from '#primitives/utf8';

const NAME_MESSAGE = 'Expected 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or digit.';
const name = v.pipe(v.string(), v.maxLength(64, NAME_MESSAGE), v.check(isName, NAME_MESSAGE));
const ofName = v.strictObject({ name });
const rest = v.pipe(v.string(), v.maxLength(8_192, 'Expected at most 8192 characters.'));

const integer = (min: number, max: number) => {
  const message = `Expected an integer from ${min} to ${max}.`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message));
};
const number = (min: number, max: number) => {
  const message = `Expected a number from ${min} to ${max}.`;
  return v.pipe(v.number(message), v.minValue(min, message), v.maxValue(max, message));
};

const registration = v.strictObject({
  target: v.pipe(v.string(), v.maxLength(2_048, 'Expected at most 2048 characters.')),
  healthPath: v.optional(v.pipe(v.string(), v.maxLength(1_024, 'Expected at most 1024 characters.'))),
  timeoutMs: v.optional(integer(1, 28_000)),
});
const service = v.strictObject({
  name: v.string(),
  target: v.string(),
  healthPath: v.optional(v.string()),
  timeoutMs: v.number(),
});

const variants = v.pipe(
  v.array(v.strictObject({ service: name, weight: number(0, 1_000_000) })),
  v.minLength(1, 'Expected 1 variant or more.'),
  v.maxLength(10, 'Expected at most 10 variants.'),
  v.check((all) => new Set(all.map((each) => each.service)).size === all.length, 'Expected different services.'),
  v.check((all) => all.some(({ weight }) => weight > 0), 'Expected weights above 0 in all.'),
);
const plan = v.strictObject({
  variants,
  stickyBy: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^(header|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, "Expected 'header:NAME' or 'cookie:NAME'."),
    ),
  ),
  shadow: v.optional(name),
  rollback: v.optional(v.strictObject({ errorRate: number(0, 1), minRequests: integer(1, 1_000_000) })),
});
const count = v.strictObject({ requests: v.number(), errors: v.number(), senders: v.number() });
const experiment = v.strictObject({
  name: v.string(),
  ...plan.entries,
  rolledBack: v.array(v.string()),
  counts: v.record(v.string(), count),
  sampleRatio: v.strictObject({ chiSquare: v.number(), pValue: v.number(), isSuspicious: v.boolean() }),
});

const breaker = v.strictObject({
  service: v.string(),
  state: v.picklist(['closed', 'open', 'half-open']),
  retryAfterMs: v.optional(v.number()),
});

/** Not an id: two forms of a letter are two keys. */
const key = v.pipe(
  v.string(),
  v.minLength(1, 'Expected 1 character or more.'),
  v.check((text) => Buffer.byteLength(text) <= 1_024, 'Expected at most 1024 bytes of UTF-8.'),
  v.check(isClean, 'Expected text without NUL and lone surrogates.'),
);
const ofKey = v.strictObject({ key });

const PROXIED = [404, 502];

/** The ambassador over HTTP. */
export const ambassadorApi = defineApi({
  pattern: 'ambassador',
  part: 'single-node',
  chapter: 4,
  title: 'Ambassador: one address for the client; where, how often and to which version is not its business',
  queues: ['traffic', 'shadows'],
  routes: {
    register: route({
      method: 'PUT',
      path: '/ambassador/services/{name}',
      summary: 'Register a service: nothing else can be called',
      params: ofName,
      body: registration,
      answers: { 200: service },
      problems: [400],
      admin: true,
    }),
    service: route({
      method: 'GET',
      path: '/ambassador/services/{name}',
      summary: 'A registered service',
      params: ofName,
      answers: { 200: service },
      problems: [404],
    }),
    broker: route({
      method: 'ANY',
      path: '/ambassador/broker/{service}/{proxy+}',
      summary:
        'Send a request to a service by its name: with a deadline, retries under a budget, and a circuit breaker',
      params: v.strictObject({ service: name, proxy: rest }),
      answers: {},
      problems: PROXIED,
      raw: true,
    }),
    breaker: route({
      method: 'GET',
      path: '/ambassador/breakers/{service}',
      summary: "A service's circuit breaker, as the fleet has it",
      params: v.strictObject({ service: name }),
      answers: { 200: breaker },
      problems: [404],
    }),
    experiment: route({
      method: 'PUT',
      path: '/ambassador/experiments/{name}',
      summary: 'Begin an experiment, or begin it anew',
      params: ofName,
      body: plan,
      answers: { 200: experiment },
      admin: true,
    }),
    report: route({
      method: 'GET',
      path: '/ambassador/experiments/{name}',
      summary:
        'How an experiment goes: counts by variant, what was rolled back, and whether the split is as it should be',
      params: ofName,
      answers: { 200: experiment },
      problems: [404],
    }),
    split: route({
      method: 'ANY',
      path: '/ambassador/split/{experiment}/{proxy+}',
      summary: 'Send a request to the variant of its sender; the answer says which in x-variant',
      params: v.strictObject({ experiment: name, proxy: rest }),
      answers: {},
      problems: PROXIED,
      raw: true,
    }),
    shardValue: route({
      method: 'GET',
      path: '/ambassador/shards/{key}',
      summary: 'A value of a sharded service; the answer says by which shard in x-shard',
      params: ofKey,
      answers: { 200: v.strictObject({ key: v.string(), value: json }) },
      problems: [404],
    }),
    putShardValue: route({
      method: 'PUT',
      path: '/ambassador/shards/{key}',
      summary: 'Store a value in the shard that its key belongs to',
      params: ofKey,
      body: v.strictObject({ value: json }),
      answers: { 200: v.strictObject({ key: v.string(), shard: v.string() }) },
    }),
  },
});
