import { isProblem, problem, type Handlers, type Problem } from '#http/handlers';
import type { Clock } from '#primitives/clock';
import type { Json } from '#primitives/table';
import type { Cache } from '#serving/replicated/cache-types';
import type { Replica } from '#serving/replicated/replica';
import type { Session, Sessions } from '#serving/replicated/sessions';
import { stickyToken } from '#serving/replicated/sticky-router';
import type { Admission } from './admission.ts';
import type { replicatedApi } from './api.ts';
import { normalized, type Sense } from './dictionary/words.ts';

/** The platform may freeze a function once it has answered: what refreshes a stale value gets so much time before that. */
const REFRESH_MS = 200;
const NOT_READY_S = '1';

/** As Json: what the cache keeps. */
export type Senses = readonly (Sense & { readonly [name: string]: Json })[];

/** One etag, as an answer gave it. */
const ETAG = /^"([\x21\x23-\x7e]{1,100})"$/;

const invalidCondition = (header: string, expected: string): Problem =>
  problem(400, { type: 'invalid-request', detail: `Not valid: ${header}.`, errors: { [header]: [expected] } });

/** What the conditions of a request say of the session that may be overwritten: of HTTP's forms the two that are of use. */
const onlyOver = (
  headers: Readonly<Record<string, string | undefined>>,
): { readonly only: { readonly version: string | undefined } | undefined } | Problem => {
  const { 'if-match': match, 'if-none-match': none } = headers;
  if (none !== undefined && (none.trim() !== '*' || match !== undefined))
    return invalidCondition('if-none-match', 'Expected *, and no if-match beside it.');
  if (none !== undefined) return { only: { version: undefined } };
  if (match === undefined) return { only: undefined };
  const version = ETAG.exec(match.trim())?.[1];
  return version === undefined
    ? invalidCondition('if-match', 'Expected one etag of this session in quotes; no *, no list, no W/.')
    : { only: { version } };
};

export const replicatedHandlers = (options: {
  readonly words: Cache<Senses>;
  readonly sessions: Sessions;
  readonly replica: Replica;
  readonly admit: Admission;
  readonly clock: Clock;
}): Handlers<typeof replicatedApi> => {
  const { words, sessions, replica, admit, clock } = options;
  const own = { 'x-replica': replica.name };

  const sessionHeaders = ({ version, expiresAtMs }: Session) => ({
    etag: `"${version}"`,
    'x-session-expires': new Date(expiresAtMs).toISOString(),
    'x-session-token': stickyToken(replica.name),
    ...own,
  });

  return {
    word: ({ params, signal, ...client }) =>
      replica.serve(async () => {
        const admitted = await admit(client);
        if (isProblem(admitted)) return admitted;
        const word = normalized(params.word);
        const { value, state, ageMs, refreshed } = await words.lookup(word, signal);
        if (refreshed !== undefined) await Promise.race([refreshed, clock.sleep(REFRESH_MS)]);
        const headers = { ...admitted.headers, ...own, 'x-cache': state, age: String(Math.floor(ageMs / 1000)) };
        if (value === undefined) return problem(404, { detail: `The dictionary has no '${params.word}'.`, headers });
        return { status: 200, body: { word: word.replaceAll('_', ' '), senses: value }, headers };
      }),
    ready: async () => {
      const { status, checks } = await replica.readiness();
      if (status === 'ready' || status === 'degraded')
        return { status: 200, body: { status, replica: replica.name, checks }, headers: own };
      const missing = checks.flatMap(({ name, reason }) => (reason === undefined ? [] : [[name, [reason]] as const]));
      return problem(503, {
        type: 'not-ready',
        detail: status === 'draining' ? 'This replica takes no more requests.' : 'Something that it needs is missing.',
        errors: Object.fromEntries(missing),
        headers: { 'retry-after': NOT_READY_S, ...own },
      });
    },
    cache: async () => ({ status: 200, body: { replica: replica.name, ...words.stats() }, headers: own }),
    putSession: ({ params: { id }, body, ...client }) =>
      replica.serve(async () => {
        const admitted = await admit(client);
        if (isProblem(admitted)) return admitted;
        // Out of JSON.parse, which makes nothing else.
        const data = body as { readonly [name: string]: Json };
        const condition = onlyOver(client.headers);
        if (isProblem(condition)) return condition;
        const outcome = await sessions.put(id, data, condition.only);
        if (outcome.status === 'stored')
          return { status: 200, body: data, headers: { ...admitted.headers, ...sessionHeaders(outcome.session) } };
        const { session } = outcome;
        return problem(409, {
          type: 'session-changed',
          detail: 'The session is not the one that the condition names.',
          headers: { ...admitted.headers, ...(session === undefined ? own : sessionHeaders(session)) },
        });
      }),
    session: ({ params: { id }, ...client }) =>
      replica.serve(async () => {
        const admitted = await admit(client);
        if (isProblem(admitted)) return admitted;
        const session = await sessions.get(id);
        if (session === undefined)
          return problem(404, {
            detail: `There is no session '${id}', or it is over.`,
            headers: { ...admitted.headers, ...own },
          });
        // Stored by `putSession`.
        const body = session.data as { readonly [name: string]: Json };
        return { status: 200, body, headers: { ...admitted.headers, ...sessionHeaders(session) } };
      }),
    deleteSession: ({ params: { id }, ...client }) =>
      replica.serve(async () => {
        const admitted = await admit(client);
        if (isProblem(admitted)) return admitted;
        await sessions.delete(id);
        return { status: 204, headers: { ...admitted.headers, ...own } };
      }),
  };
};
