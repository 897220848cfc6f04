import * as v from 'valibot';
import type { FunctionRegistry } from './function-registry.ts';
import { bodyOf, invalidValue, lambdaJson, noContent, type FunctionRoute } from './lambda-refusal.ts';
import { parse } from './refusal.ts';

const schema = v.looseObject({
  ReservedConcurrentExecutions: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

/** Of an account, and what of it must stay for functions without a reservation. */
export const MAX_CONCURRENT = 1_000;
const MIN_UNRESERVED = 100;

/**
 * PutFunctionConcurrency, GetFunctionConcurrency, DeleteFunctionConcurrency. In force from the next invocation on; the
 * next start of the functions puts it back to what their template says.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
 */
export const functionConcurrency =
  (functions: FunctionRegistry): FunctionRoute =>
  (action, call, { name, reservedConcurrency }) => {
    if (action !== 'concurrency') return undefined;
    if (call.method === 'GET')
      return lambdaJson(
        200,
        reservedConcurrency === undefined ? {} : { ReservedConcurrentExecutions: reservedConcurrency },
      );
    if (call.method === 'DELETE') {
      functions.reserve(name, undefined);
      return noContent;
    }
    if (call.method !== 'PUT') return undefined;
    const { ReservedConcurrentExecutions: count } = parse(schema, bodyOf(call));
    const others = functions
      .list()
      .reduce((sum, each) => sum + (each.name === name ? 0 : (each.reservedConcurrency ?? 0)), 0);
    if (count > 0 && others + count > MAX_CONCURRENT - MIN_UNRESERVED)
      throw invalidValue(
        `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${MIN_UNRESERVED}].`,
      );
    functions.reserve(name, count);
    return lambdaJson(200, { ReservedConcurrentExecutions: count });
  };
