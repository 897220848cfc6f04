import { checkNames } from '#primitives/checks';
import { checkFunction } from '#primitives/part-checks';
import { isThenable } from '#resilience/attempt';
import { refuse, type Awaitable, type Decorator, type Refusal } from './decorator.ts';

/** By lower-case name. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** A refusal of {@link authenticated}: no credentials (`missing`), or none that count (`unknown`). */
export interface Unauthenticated {
  readonly refusal: 'unauthenticated';
  readonly reason: 'missing' | 'unknown';
}

export interface AuthenticatedOptions<Caller> {
  /**
   * Who has this token; undefined for nobody. Compare in constant time (`timingSafeEqual`), and keep no token.
   */
  readonly verify: (token: string) => Awaitable<Caller | undefined>;
}

const REFUSALS = {
  missing: Object.freeze({ refusal: 'unauthenticated', reason: 'missing' } as const),
  unknown: Object.freeze({ refusal: 'unauthenticated', reason: 'unknown' } as const),
};
/** A bearer token. @see https://www.rfc-editor.org/rfc/rfc6750#section-2.1 */
const BEARER = /^bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i;

/**
 * Lets only callers in who are known by their bearer token, and tells those further in who it is. The token goes no
 * further by this decorator, but it stays in the headers.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown
 */
export const authenticated = <Caller extends object>(
  options: AuthenticatedOptions<Caller>,
): Decorator<{ readonly headers: Headers }, { readonly caller: Caller }, Unauthenticated> => {
  checkNames(options, ['verify']);
  const { verify } = options;
  checkFunction('verify', verify);
  const stepOf = (caller: Caller | undefined): { readonly caller: Caller } | Refusal<Unauthenticated> =>
    caller === undefined ? refuse(REFUSALS.unknown) : { caller };
  return Object.freeze({
    before: ({ headers }: { readonly headers: Headers }) => {
      const [, token] = BEARER.exec(headers['authorization'] ?? '') ?? [];
      if (token === undefined) return refuse(REFUSALS.missing);
      const caller = verify(token);
      return isThenable(caller) ? caller.then(stepOf) : stepOf(caller);
    },
  });
};
