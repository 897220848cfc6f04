import { createHash, randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { BAD_GATEWAY, functionUrlEvent, functionUrlResponse, type UrlResponse } from '#event-sources/function-url';
import type { Clock } from '#primitives/clock';
import type { Answer, Call } from './call.ts';
import type { RegisteredFunction } from './function-registry.ts';
import type { FunctionInvoker } from './invoke-function.ts';
import { bodyOf, conflict, lambdaJson, noContent, notFound, type FunctionRoute } from './lambda-refusal.ts';
import { parse } from './refusal.ts';

const AUTH_TYPES = ['NONE', 'AWS_IAM'] as const;
const fields = {
  /** Answers that come in parts would have to pass the function host, which gathers them. */
  InvokeMode: v.optional(v.literal('BUFFERED', 'Only BUFFERED is served here.')),
  Cors: v.optional(v.strictObject({}, 'Rules on other origins are not carried out here.')),
};
const createSchema = v.looseObject({ AuthType: v.picklist(AUTH_TYPES), ...fields });
const updateSchema = v.looseObject({ AuthType: v.optional(v.picklist(AUTH_TYPES)), ...fields });

interface UrlConfig {
  readonly functionName: string;
  readonly urlId: string;
  readonly authType: (typeof AUTH_TYPES)[number];
  readonly createdAt: string;
  readonly modifiedAt: string;
}

export interface FunctionUrlsOptions {
  readonly invoke: FunctionInvoker;
  readonly arnOf: (functionName: string) => string;
  readonly region: string;
  readonly accountId: string;
  /** Where the endpoint listens. */
  readonly port: () => number;
  readonly clock: Clock;
}

export interface FunctionUrls {
  readonly route: FunctionRoute;
  /** Answers a call that came to the address of a function; undefined when it did not. */
  serve(call: Call): Promise<Answer> | undefined;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (6 MB) */
const MAX_BODY_BYTES = 6_291_456;
const URL_ID_DIGITS = 32;
const SIGNED = /^AWS4-HMAC-SHA256 Credential=/;

/** Always the same for a function, so that its address outlives a restart. */
const urlIdOf = (functionArn: string): string =>
  createHash('sha256').update(functionArn).digest('hex').slice(0, URL_ID_DIGITS);

const plain = (status: number, message: string): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ Message: message }),
});

const answerOf = ({ status, headers, body }: UrlResponse): Answer => ({ status, headers, body });

/**
 * Addresses of functions: CreateFunctionUrlConfig, Get, Update, List, Delete, and what comes to
 * `http://<id>.lambda-url.<region>.localhost:<port>/`. With AWS_IAM a request must carry a signature; that it is right is
 * not checked.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
 */
export const functionUrls = (options: FunctionUrlsOptions): FunctionUrls => {
  const { region, clock } = options;
  const configs = new Map<string, UrlConfig>();
  const hostForm = new RegExp(`^([0-9a-f]{${URL_ID_DIGITS}})\\.lambda-url\\.${region}\\.localhost(?::\\d+)?$`);

  const described = ({ functionName, urlId, ...config }: UrlConfig): Readonly<Record<string, unknown>> => ({
    FunctionUrl: `http://${urlId}.lambda-url.${region}.localhost:${options.port()}/`,
    FunctionArn: options.arnOf(functionName),
    AuthType: config.authType,
    InvokeMode: 'BUFFERED',
    CreationTime: config.createdAt,
    LastModifiedTime: config.modifiedAt,
  });
  const now = (): string => new Date(clock.nowMs()).toISOString();
  const byFunction = (name: string): UrlConfig | undefined =>
    [...configs.values()].find(({ functionName }) => functionName === name);

  const create = ({ name }: RegisteredFunction, call: Call): Answer => {
    const { AuthType: authType } = parse(createSchema, bodyOf(call));
    if (byFunction(name) !== undefined)
      throw conflict(
        `Failed to create function url config for [functionArn = ${options.arnOf(name)}]. Error message: FunctionUrlConfig exists for this Lambda function`,
      );
    const urlId = urlIdOf(options.arnOf(name));
    const config = { functionName: name, urlId, authType, createdAt: now(), modifiedAt: now() };
    configs.set(urlId, config);
    return lambdaJson(201, described(config));
  };

  const update = (config: UrlConfig, call: Call): Answer => {
    const { AuthType: authType = config.authType } = parse(updateSchema, bodyOf(call));
    const changed = { ...config, authType, modifiedAt: now() };
    configs.set(config.urlId, changed);
    return lambdaJson(200, described(changed));
  };

  const called = async (config: UrlConfig, call: Call): Promise<Answer> => {
    if (config.authType === 'AWS_IAM' && !SIGNED.test(call.headers.authorization ?? '')) return plain(403, 'Forbidden');
    if (call.body.length > MAX_BODY_BYTES) return plain(413, 'Request Entity Too Large');
    const requestId = randomUUID();
    const { accountId } = options;
    const event = functionUrlEvent({ ...call, urlId: config.urlId, accountId, requestId, atMs: clock.nowMs() });
    const outcome = await options.invoke(config.functionName, event, call.caller, requestId);
    if (outcome.status === 'throttled') return plain(429, 'Rate Exceeded.');
    const answer = answerOf(outcome.status === 'answered' ? functionUrlResponse(outcome.payload) : BAD_GATEWAY);
    return { ...answer, headers: { ...answer.headers, 'x-amzn-requestid': requestId } };
  };

  return Object.freeze({
    route: (action, call, fn) => {
      const config = byFunction(fn.name);
      if (action === 'urls' && call.method === 'GET')
        return lambdaJson(200, { FunctionUrlConfigs: config === undefined ? [] : [described(config)] });
      if (action !== 'url') return undefined;
      if (call.method === 'POST') return create(fn, call);
      if (config === undefined) throw notFound('The resource you requested does not exist.');
      if (call.method === 'GET') return lambdaJson(200, described(config));
      if (call.method === 'PUT') return update(config, call);
      if (call.method !== 'DELETE') return undefined;
      configs.delete(config.urlId);
      return noContent;
    },
    serve: (call: Call) => {
      const urlId = hostForm.exec(call.headers.host ?? '')?.[1];
      if (urlId === undefined) return undefined;
      const config = configs.get(urlId);
      return config === undefined ? Promise.resolve(plain(404, 'Not Found')) : called(config, call);
    },
  } satisfies FunctionUrls);
};
