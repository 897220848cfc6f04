/**
 * What must not compile, and what types come out: looked at by the type check (`npm run verify`), never run. Each
 * `@ts-expect-error` is itself an error as soon as the line below it compiles.
 */
import * as v from 'valibot';
import type { Json } from '#primitives/table';
import type { Idempotency } from '#resilience/idempotency';
import {
  authenticated,
  compressed,
  decorated,
  defaults,
  each,
  idempotent,
  validated,
  type Decorator,
  type Headers,
  type Invalid,
  type NotRun,
  type SentAnswer,
  type Unauthenticated,
} from '#serving/functions-and-events/index';

/** True when two types are the same, not only assignable. */
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
    ? true
    : { readonly got: A; readonly expected: B };
const expectType = <_Is extends true>(): void => undefined;

interface Call {
  readonly headers: Headers;
  readonly draft: {
    readonly currency?: string;
    readonly lines: readonly { readonly sku: string; readonly quantity?: number }[];
  };
}
declare const keys: Idempotency;
const verify = (token: string) => (token === '' ? undefined : { user: token });
const order = v.strictObject({
  currency: v.string(),
  lines: v.array(v.strictObject({ sku: v.string(), quantity: v.number() })),
});
const onceByUser = <Answer extends Json = { readonly id: string }>() =>
  idempotent<{ readonly body: unknown; readonly caller: { readonly user: string } }, Answer>({
    idempotency: keys,
    scope: ({ caller }) => caller.user,
    key: () => 'k',
    request: ({ body }) => body,
    withoutKey: 'refuse',
  });

export const whatComesOut = (): void => {
  const base = decorated<Call>().with(authenticated({ verify }));
  const filled = base.with(defaults({ currency: 'EUR', lines: each({ quantity: 1 }) }));
  filled.handle(({ draft, caller }) => {
    // What had a default is not optional any more.
    expectType<Same<typeof draft.currency, string>>();
    expectType<Same<(typeof draft.lines)[number]['quantity'], number>>();
    expectType<Same<typeof caller, { user: string }>>();
    return null;
  });
  const place = filled
    .with(validated(order))
    .with(onceByUser())
    .handle(async ({ body, operationId }) => {
      expectType<Same<typeof body, v.InferOutput<typeof order>>>();
      expectType<Same<typeof operationId, string>>();
      return { id: operationId };
    });
  // The handler's answer, and whatever the decorators refuse with.
  expectType<Same<Awaited<ReturnType<typeof place>>, { id: string } | NotRun | Invalid | Unauthenticated>>();
  const sent = decorated<Call>()
    .with(compressed())
    .handle(() => ({ statusCode: 200, body: 'text' }));
  expectType<Same<Awaited<ReturnType<typeof sent>>, SentAnswer>>();
};

export const refusalsThroughCompression = (): void => {
  const answer = { statusCode: 200, body: 'text' };
  const text = decorated<Call>()
    .with(compressed())
    .with(authenticated({ verify }))
    .with(validated(order))
    .with(onceByUser<{ readonly statusCode: number; readonly body: string }>())
    .handle(() => answer);
  // Each form of refusal, as it was made further in.
  expectType<Same<Awaited<ReturnType<typeof text>>, SentAnswer | NotRun | Invalid | Unauthenticated>>();
};

export const aMistakenOrder = (): void => {
  const base = decorated<Call>();
  // @ts-expect-error Idempotency before validation: there is no `body` yet, so an invalid request could be answered from memory.
  base.with(authenticated({ verify })).with(onceByUser());
  // @ts-expect-error Idempotency by user before authentication: there is no `caller` yet.
  base.with(validated(order)).with(onceByUser());
  // @ts-expect-error Defaults after validation: they would not be validated.
  base.with(validated(order)).with(defaults({ currency: 'EUR' }));
  // @ts-expect-error Validated twice: the draft is gone.
  base.with(validated(order)).with(validated(order));
  // @ts-expect-error Authentication where there are no headers.
  decorated<{ readonly draft: object }>().with(authenticated({ verify }));
  const counted: Decorator<object, object, never, number, string> = { after: (answer) => String(answer) };
  // @ts-expect-error What comes from further in, a text, is not the number that the decorator further out takes.
  base.with(counted).with(counted);
};

export const aHandlerThatAsksForMore = (): void => {
  const base = decorated<Call>();
  // @ts-expect-error Nobody provides a caller.
  base.with(validated(order)).handle(({ caller }) => String(caller));
  // @ts-expect-error The caller has no role.
  base.with(authenticated({ verify })).handle(({ caller }) => String(caller.role));
  // @ts-expect-error The same of a handler that was written elsewhere.
  base.handle((context: { readonly body: { readonly n: number } }) => context.body.n);
  // @ts-expect-error Without validation what was sent may lack its currency.
  base.handle(({ draft }): string => draft.currency);
  const once = base.with(authenticated({ verify })).with(validated(order)).with(onceByUser());
  // @ts-expect-error An answer that cannot be kept as JSON: it would be another one when it is given again.
  once.handle(() => new Date());
  // @ts-expect-error An answer that is no text cannot be compressed.
  base.with(compressed()).handle(() => ({ statusCode: 200, body: 1 }));
};

export const aDecoratorThatIsWrong = (): void => {
  // @ts-expect-error It says that it provides a number and gives a text.
  const lying: Decorator<object, { readonly n: number }> = { before: () => ({ n: 'one' }) };
  // @ts-expect-error It looks at what it does not say that it needs.
  const greedy: Decorator<object> = { before: (context) => void context.headers };
  decorated<Call>().with(lying).with(greedy);
};
