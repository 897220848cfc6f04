import { errorAnswer, serverFault } from './answers.ts';
import {
  isJsonObject,
  jsonOf,
  patientCaller,
  type Answer,
  type Backend,
  type Call,
  type Caller,
  type Operation,
  type Outcome,
} from './call.ts';
import type { Fault, FaultKind } from './faults.ts';
import { giveBack } from './fauxqs.ts';
import { applyPartly, isBatch } from './partial.ts';

/** The longest that a call is held: the longest that a function may run. */
const MAX_HANG_MS = 900_000;

/** Resolves after `ms`, or at once when the caller leaves; says whether it is still there. */
export const pause = (ms: number, caller: Caller): Promise<boolean> =>
  new Promise((resolve) => {
    if (caller.left) {
      resolve(false);
      return;
    }
    const end = (there: boolean): void => {
      clearTimeout(timer);
      forget();
      resolve(there);
    };
    // Nothing waits for it when the endpoint was closed meanwhile.
    const timer = setTimeout(() => end(true), ms).unref();
    const forget = caller.onLeft(() => end(false));
  });

const WRITES_ONE = /^(Put|Update|Delete)Item$/;
const TRANSACTS = /^Transact(Write|Get)Items$/;

/** The kinds that make sense for a call of the operation. */
export const kindsFor = (operation: Operation): readonly FaultKind[] => [
  'hang',
  'delay',
  'error',
  'crash',
  'lose-answer',
  'duplicate',
  ...(operation.service === 'dynamodb' && (WRITES_ONE.test(operation.name) || TRANSACTS.test(operation.name))
    ? (['conflict'] as const)
    : []),
  ...(isBatch(operation) ? (['partial'] as const) : []),
];

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html (CancellationReasons) */
const conflict = (operation: Operation, call: Call): Answer => {
  const message = 'Transaction is ongoing for the item';
  if (!TRANSACTS.test(operation.name))
    return errorAnswer('dynamodb', { status: 400, code: 'TransactionConflictException', message });
  const body = jsonOf(call.body);
  const items = isJsonObject(body) && Array.isArray(body['TransactItems']) ? body['TransactItems'] : [];
  // One item is enough to cancel them all.
  const reasons = items.map((_, index) =>
    index === 0 ? { Code: 'TransactionConflict', Message: message } : { Code: 'None' },
  );
  const codes = reasons.map(({ Code }) => Code).join(', ');
  return errorAnswer('dynamodb', {
    status: 400,
    code: 'TransactionCanceledException',
    message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`,
    members: { CancellationReasons: reasons },
  });
};

const twice = async (operation: Operation, call: Call, backend: Backend): Promise<Answer> => {
  const first = await backend(call);
  if (operation.service !== 'sqs' || operation.name !== 'ReceiveMessage') return backend(call);
  await giveBack(backend, call, first);
  return first;
};

/** Lets a fault that fired happen to a call. */
export const applyFault = async (
  operation: Operation,
  call: Call,
  backend: Backend,
  fault: Fault,
): Promise<Outcome> => {
  switch (fault.kind) {
    case 'hang':
      await pause(fault.ms ?? MAX_HANG_MS, call.caller);
      return 'cut';
    case 'delay':
      // Late, not lost: it is applied also when the caller has given it up meanwhile.
      await pause(fault.ms ?? 0, patientCaller);
      return backend({ ...call, caller: patientCaller });
    case 'error':
      return serverFault(operation.service, 'Fault switch: error');
    case 'crash':
      return 'cut';
    case 'lose-answer':
      await backend({ ...call, caller: patientCaller });
      return 'cut';
    case 'duplicate':
      return twice(operation, call, backend);
    case 'conflict':
      return conflict(operation, call);
    case 'partial':
      return applyPartly(operation, call, backend, fault.chance);
  }
};
