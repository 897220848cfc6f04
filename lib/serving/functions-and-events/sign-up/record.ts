import { equals, type Condition, type Fields, type Key } from '#primitives/table';

/** What a sign-up goes through, in order. The first is done by whoever starts it. */
export type SignUpStep = 'reserve' | 'account' | 'welcome';
/** What an event can ask for. */
export type Task = 'account' | 'welcome' | 'compensate';
/** Where a sign-up stands: what is to be done next, or how it ended. */
export type State = Task | 'completed' | 'failed';

/** What became of a step. */
export type StepLog = {
  /** How often it was tried: receives of its message, those included that ended in a crash. */
  readonly attempts: number;
  readonly atMs: number;
  readonly status: 'done' | 'failing' | 'undone';
};

/** A sign-up as it is stored. `state` decides; the rest is there to be seen. */
export interface SignUpRecord {
  readonly email: string;
  readonly name: string;
  readonly state: State;
  readonly log: Readonly<Record<string, StepLog>>;
  /** Why it is, or was, compensated; or why it never began. */
  readonly failure?: string;
}

/** A step as it is shown. */
export interface StepView {
  readonly name: SignUpStep;
  readonly status: 'waiting' | 'done' | 'failing' | 'undone';
  readonly attempts: number;
  readonly atMs?: number;
}

export interface SignUpView {
  readonly signupId: string;
  readonly status: 'running' | 'completed' | 'compensating' | 'failed';
  readonly steps: readonly StepView[];
  readonly reason?: string;
}

const STEPS: readonly SignUpStep[] = ['reserve', 'account', 'welcome'];

export const signUpKey = (signupId: string): Key => ({ partition: `signup/${signupId}`, sort: 'signup' });
/** One for each address: who has it. */
export const addressKey = (email: string): Key => ({ partition: `address/${email}`, sort: 'address' });
export const accountKey = (signupId: string): Key => ({ partition: `account/${signupId}`, sort: 'account' });

/** The record is written by these functions only. */
export const signUpOf = (fields: Fields): SignUpRecord => fields as object as SignUpRecord;

/** Why a sign-up was refused that nobody waited for. */
const ADDRESS_TAKEN = 'address taken';

/** A sign-up that never began: nothing but what is to be seen of it. */
export const refusedSignUp = (email: string, name: string, atMs: number) => ({
  email,
  name,
  state: 'failed' satisfies State,
  failure: ADDRESS_TAKEN,
  log: { reserve: { status: 'failing', attempts: 1, atMs } satisfies StepLog },
});

/** Every other reason begins with the step that failed. */
export const isRefusedSignUp = ({ failure }: SignUpRecord): boolean => failure === ADDRESS_TAKEN;

/** Every write of a sign-up is on the condition that it stands where its writer saw it: who comes late writes nothing. */
export const standsAt = (state: State): Condition => equals('state', state);

/** Which event tells that a sign-up has come to a state. The first three ask for what is next. */
export const EVENT_OF: Readonly<Record<State, string>> = {
  account: 'signup.reserved',
  welcome: 'signup.account-created',
  compensate: 'signup.step-failed',
  completed: 'signup.completed',
  failed: 'signup.compensated',
};

/** What an event asks for; undefined for those that ask for nothing. */
export const taskOf = (eventType: string): Task | undefined =>
  (['account', 'welcome', 'compensate'] as const).find((task) => EVENT_OF[task] === eventType);

/** Where a task can lead. */
export const SUCCESSORS: Readonly<Record<Task, readonly State[]>> = {
  account: ['welcome', 'compensate'],
  welcome: ['completed', 'compensate'],
  compensate: ['failed'],
};

const statusOf = (state: State): SignUpView['status'] => {
  if (state === 'completed' || state === 'failed') return state;
  return state === 'compensate' ? 'compensating' : 'running';
};

export const viewOf = (signupId: string, { state, log, failure }: SignUpRecord): SignUpView => ({
  signupId,
  status: statusOf(state),
  steps: STEPS.map((name) => ({ name, ...(log[name] ?? { status: 'waiting', attempts: 0 }) })),
  ...(failure === undefined ? {} : { reason: failure }),
});
