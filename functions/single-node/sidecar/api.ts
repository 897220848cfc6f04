import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import { id } from '#http/schemas';
import { programConfig } from './program-config.ts';

const version = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const named = v.strictObject({ name: id() });

const syncOutcome = v.strictObject({
  status: v.picklist(['same', 'deployed', 'refused', 'known-bad']),
  commit: v.string(),
  running: v.nullable(v.string()),
  reason: v.optional(v.string()),
});

/** As the sidecar topz says it. */
const usage = v.strictObject({
  status: v.picklist(['running', 'gone']),
  source: v.picklist(['proc', 'ps', 'process']),
  pid: v.number(),
  startedAt: v.string(),
  cpu: v.strictObject({
    userMs: v.number(),
    systemMs: v.number(),
    ratio: v.nullable(v.number()),
    overMs: v.number(),
  }),
  memory: v.strictObject({ residentBytes: v.number() }),
  openFiles: v.nullable(v.number()),
  threads: v.nullable(v.number()),
  handles: v.nullable(v.number()),
  eventLoopDelay: v.nullable(v.strictObject({ meanMs: v.number(), p99Ms: v.number(), maxMs: v.number() })),
  invocations: v.nullable(v.strictObject({ count: v.number(), failed: v.number(), busyMs: v.number() })),
});

/** The legacy program and its companions over HTTP. */
export const sidecarApi = defineApi({
  pattern: 'sidecar',
  part: 'single-node',
  chapter: 3,
  title: 'Sidecar: companions of a program that does not know of them',
  routes: {
    legacy: route({
      method: 'GET',
      path: '/sidecar/legacy',
      summary: 'What the legacy program answers, and the version of the configuration that it runs by',
      query: v.strictObject({ name: v.optional(v.pipe(v.string(), v.maxLength(100))) }),
      answers: {
        200: v.strictObject({
          answer: v.unknown(),
          configVersion: v.nullable(version),
          programVersion: v.string(),
        }),
      },
      problems: [502, 503],
    }),
    putConfig: route({
      method: 'PUT',
      path: '/sidecar/config/{name}',
      summary: 'Put a configuration: the same value again keeps its version, another one gets the next',
      params: named,
      body: v.strictObject({ value: programConfig, expectedVersion: v.optional(version) }),
      answers: { 200: v.strictObject({ name: v.string(), version }) },
      problems: [409],
      admin: true,
    }),
    config: route({
      method: 'GET',
      path: '/sidecar/config/{name}',
      summary: 'The newest configuration of that name, and its version',
      params: named,
      answers: { 200: v.strictObject({ name: v.string(), version, value: v.unknown() }) },
      problems: [404],
    }),
    topz: route({
      method: 'GET',
      path: '/sidecar/topz',
      summary: 'What the legacy program and the function use at this moment, in the instance that answers',
      answers: {
        200: v.strictObject({
          program: v.nullable(usage),
          function: usage,
          config: v.strictObject({ version: v.nullable(version), lastLook: v.string(), refusedCount: v.number() }),
        }),
      },
    }),
    sync: route({
      method: 'POST',
      path: '/sidecar/sync',
      summary: 'Look at the repository now: a new commit is fetched, started, asked for its health, and then runs',
      query: v.strictObject({ retry: v.optional(v.picklist(['true', 'false'], "Expected 'true' or 'false'.")) }),
      answers: { 200: syncOutcome },
      problems: [409, 503],
      admin: true,
    }),
  },
});
