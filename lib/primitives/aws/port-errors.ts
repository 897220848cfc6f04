import { InvalidArgumentError, OutcomeUnknownError, PatternError, UnavailableError } from '../errors.ts';

/** What an error of the SDK says beside its message. */
interface SdkError {
  readonly name: string;
  readonly message: string;
  readonly code: string | undefined;
  readonly status: number | undefined;
}

const propertyOf = (value: unknown, name: string | symbol): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const sdkError = (error: unknown): SdkError => {
  const status =
    propertyOf(propertyOf(error, '$metadata'), 'httpStatusCode') ??
    propertyOf(propertyOf(error, '$response'), 'statusCode');
  return {
    name: textOf(propertyOf(error, 'name')) ?? 'Error',
    message: textOf(propertyOf(error, 'message')) ?? 'no message',
    code: textOf(propertyOf(error, 'code')),
    status: typeof status === 'number' ? status : undefined,
  };
};

/** No connection came about, so nothing was sent. */
const UNSENT_CODES: readonly string[] = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'];
/** 500, 502 and 504 may come after the call was applied; 503 is a refusal. */
const LOST_STATUSES: readonly number[] = [500, 502, 504];
/** @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html (throttling errors) */
const REFUSED_FOR_NOW: readonly string[] = [
  'BandwidthLimitExceeded',
  'LimitExceededException',
  'OverLimit',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'ServiceUnavailable',
  'SlowDown',
  'ThrottledException',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  // Of a single write that met a transaction: nothing was applied, and repeating it is right.
  'TransactionConflictException',
];
const FAULTS_OF_THE_CALLER =
  /^(ValidationException|InvalidParameter.*|IdempotentParameterMismatch.*|ResourceNotFound.*|RequestEntityTooLarge.*|InvalidRequestContent.*|QueueDoesNotExist|AWS\.SimpleQueueService\.NonExistentQueue|NoSuchBucket|KeyTooLongError)$/;

const isUnsent = ({ name, code, message, status }: SdkError): boolean =>
  status === undefined &&
  (UNSENT_CODES.includes(code ?? '') || (name === 'TimeoutError' && message.includes('establish a connection')));

/** The attempt may have been applied although it failed: its answer was lost, garbled, or says so. */
const isLost = (error: SdkError): boolean =>
  error.status === undefined ? !isUnsent(error) : error.status < 300 || LOST_STATUSES.includes(error.status);

/** Marks the error of a call of which an attempt may have been applied, the last or an earlier one. */
const UNCERTAIN = Symbol('uncertain');

/** The error of the last attempt, by the context of the call. */
const lastErrors = new WeakMap<object, unknown>();

const aroundAttempt = <Args, Answer>(next: (args: Args) => Promise<Answer>, context: object) => {
  let isUncertain = false;
  return async (args: Args): Promise<Answer> => {
    try {
      return await next(args);
    } catch (error) {
      isUncertain ||= isLost(sdkError(error));
      if (isUncertain && typeof error === 'object' && error !== null) Reflect.set(error, UNCERTAIN, true);
      lastErrors.set(context, error);
      throw error;
    }
  };
};

/** The SDK may raise another error than the attempt's: what we know of the attempts would be lost with it. */
const aroundCall =
  <Args, Answer>(next: (args: Args) => Promise<Answer>, context: object) =>
  async (args: Args): Promise<Answer> => {
    try {
      return await next(args);
    } catch (error) {
      throw lastErrors.get(context) ?? error;
    }
  };

interface Stack {
  add(middleware: typeof aroundCall, where: { readonly step: 'initialize'; readonly name: string }): void;
  add(
    middleware: typeof aroundAttempt,
    where: { readonly step: 'finalizeRequest'; readonly priority: 'low'; readonly name: string },
  ): void;
}

/**
 * A plugin for clients, which watches the attempts of each call. The SDK repeats a call whose answer was lost and then
 * tells only of the last attempt: a refused connection after a lost answer is not "nothing was applied".
 */
export const attemptWatch = Object.freeze({
  applyToStack(stack: Stack): void {
    stack.add(aroundCall, { step: 'initialize', name: 'aroundCall' });
    // Low priority: within the retries, around everything else.
    stack.add(aroundAttempt, { step: 'finalizeRequest', priority: 'low', name: 'aroundAttempt' });
  },
});

/**
 * What an error of the SDK means to a caller of the port.
 *
 * @param what The operation and its target, for the message.
 * @param isWrite False for calls that change nothing: when their answer is lost they are just unavailable.
 */
export const portError = (what: string, error: unknown, isWrite: boolean): PatternError => {
  if (error instanceof PatternError) return error;
  const known = sdkError(error);
  const { name, message, status } = known;
  if (FAULTS_OF_THE_CALLER.test(name)) return new InvalidArgumentError(`${what}: ${name}: ${message}`);
  const isUncertain = propertyOf(error, UNCERTAIN) === true;
  if (isUncertain && isWrite) return new OutcomeUnknownError(what, error);
  const isRefusedForNow = REFUSED_FOR_NOW.includes(name) || status === 429 || (status !== undefined && status >= 500);
  if (isRefusedForNow || isUncertain || isUnsent(known)) return new UnavailableError(what, error);
  return new PatternError('primitives/refused', `${what}: ${name}: ${message}`, { cause: error });
};
