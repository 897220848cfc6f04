import type * as v from 'valibot';
import { InvalidArgumentError } from '#primitives/errors';

/** A valibot schema, synchronous. Its input is what is sent, its output what handlers get. */
export type Schema = v.GenericSchema;

/** `ANY` stands for all that a REST API of AWS knows: these, HEAD and OPTIONS. */
export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'ANY';

/** What `ANY` takes. @see https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-method-settings-setup-method-request.html */
export const ANY_METHODS = Object.freeze(['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'] as const);

/** One route: everything that the shell has to know to answer all requests that handlers need not see. */
export interface Route {
  readonly method: Method;
  /**
   * Literal segments and whole-segment parameters: `/work-queue/jobs/{id}`. A literal goes before a parameter, whatever
   * their methods: one that the literal's routes do not take is 405. The last may be greedy, `{proxy+}`: it takes the rest
   * of the path, which may be empty, as it was sent, still percent-encoded.
   */
  readonly path: string;
  /** One line for openapi.json. */
  readonly summary: string;
  /** Of the path's parameters, all of them. Without it each parameter is an id ({@link id}). */
  readonly params?: Schema;
  /** Of the query string, whose values are texts. Without it any query parameter is refused. */
  readonly query?: Schema;
  /** Of the JSON body, always an object. Without it the body must be empty or `{}`. */
  readonly body?: Schema;
  /** The answers that are not problems, by status; `v.undefined()` where there is no body. */
  readonly answers: Readonly<Record<number, Schema>>;
  /**
   * The media type of these answers; without it `application/json`. Where it is not JSON (`text/plain`, …) the body is
   * text, and is sent as it is.
   */
  readonly contentType?: string;
  /** Statuses of problems that the handler itself may answer with; for openapi.json. */
  readonly problems?: readonly number[];
  /** Only for admins: who sends the admin token, or whom IAM knows as one. */
  readonly admin?: boolean;
  /**
   * Honours `idempotency-key`. For a POST that creates. `by-handler`: the handler does, by `keyScope`; what the key may be
   * is still checked for it.
   */
  readonly idempotent?: boolean | 'by-handler';
  /**
   * For a proxy: a body of any type, up to 64 KiB, and any query go to the handler as they came, and it answers with
   * status, headers and bytes. Without `query`, `body` and `idempotent`.
   */
  readonly raw?: boolean;
}

/** The routes of one pattern, which one function serves. */
export interface Api {
  /** Kebab-case; also the first part of the function's role. */
  readonly pattern: string;
  /** The part of the book; `root` for what belongs to no pattern. */
  readonly part: 'single-node' | 'serving' | 'batch' | 'root';
  /** Of the book's second edition. */
  readonly chapter?: number;
  readonly title: string;
  /** The roles of the queues that take what HTTP takes, e.g. `items` for `…-work-queue-items`. */
  readonly queues?: readonly string[];
  readonly routes: Readonly<Record<string, Route>>;
}

const PATH =
  /^\/(?:(?:[A-Za-z0-9._~-]+|\{[A-Za-z][A-Za-z0-9]*\})(?:\/(?=.)|$))*(?:(?<=\/)\{[A-Za-z][A-Za-z0-9]*\+\})?$/;

/** The names of the parameters of a path, in order. */
export const pathParameters = (path: string): readonly string[] =>
  [...path.matchAll(/\{([^}+]+)\+?\}/g)].map(([, name = '']) => name);

/** The name of the parameter that takes the rest of the path. */
export const greedyParameter = (path: string): string | undefined => /\{([^}+]+)\+\}$/.exec(path)?.[1];

/** Whether requests may come with an idempotency key, and mean the same under it. */
export const takesKey = ({ idempotent = false }: Route): boolean => idempotent !== false;

/**
 * A route whose types (of its parameters, query, body and answers) are kept for the handlers.
 *
 * @throws {@link InvalidArgumentError} when the path is not made of literals and parameters, or names one twice
 */
export const route = <const R extends Route>(definition: R): R => {
  const names = pathParameters(definition.path);
  if (!PATH.test(definition.path) || new Set(names).size !== names.length) {
    throw new InvalidArgumentError(
      `Expected 'path' to be like '/jobs/{id}', each parameter a whole segment and named once, got '${definition.path}'.`,
    );
  }
  const { raw, query, body } = definition as Route;
  if (raw === true && (query !== undefined || body !== undefined || takesKey(definition))) {
    throw new InvalidArgumentError(
      `Expected 'raw' to come without query, body and idempotent, got more at '${definition.path}'.`,
    );
  }
  return Object.freeze(definition);
};

/**
 * A pattern's API: the one source of its validation, its types and its part of openapi.json.
 *
 * @throws {@link InvalidArgumentError} when two routes answer the same requests
 */
export const defineApi = <const A extends Api>(definition: A): A => {
  const seen = new Map<string, string>();
  for (const [name, { method, path }] of Object.entries(definition.routes)) {
    const shape = `${method} ${path.replaceAll(/\{[^}]+\}/g, '{}')}`;
    const other = seen.get(shape);
    if (other !== undefined) {
      throw new InvalidArgumentError(
        `Expected 'routes' to differ in method or path, got '${other}' and '${name}' alike.`,
      );
    }
    seen.set(shape, name);
  }
  return Object.freeze({ ...definition, routes: Object.freeze({ ...definition.routes }) });
};
