import type { Invocation } from './sidecar.ts';

/** What Lambda's context has of use here. @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-context.html */
interface LambdaContext {
  readonly awsRequestId: string;
  readonly getRemainingTimeInMillis: () => number;
}

const isLambdaContext = (context: unknown): context is LambdaContext =>
  typeof context === 'object' &&
  context !== null &&
  'awsRequestId' in context &&
  typeof context.awsRequestId === 'string' &&
  'getRemainingTimeInMillis' in context &&
  typeof context.getRemainingTimeInMillis === 'function';

/** Describes the calls of a function: by Lambda's context where that is given, else by counting them. */
export const invocations = () => {
  let count = 0;
  return {
    count: (): number => count,
    next: (event: unknown, context: unknown): Invocation => {
      count += 1;
      return Object.freeze(
        isLambdaContext(context)
          ? { id: context.awsRequestId, event, remainingMs: () => context.getRemainingTimeInMillis() }
          : { id: String(count), event, remainingMs: () => Number.POSITIVE_INFINITY },
      );
    },
  };
};
