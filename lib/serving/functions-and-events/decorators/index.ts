/** Decorators: what goes around a handler, in an order that the types check. */
export { authenticated, type AuthenticatedOptions, type Headers, type Unauthenticated } from './authenticated.ts';
export { decorated, type Answered, type Chain, type Merged } from './chain.ts';
export { compressed, type CompressedOptions, type SentAnswer, type TextAnswer } from './compressed.ts';
export {
  refuse,
  type Awaitable,
  type Decorator,
  type Refusal,
  type Refused,
  type Unchanged,
  type UnchangedRefusals,
} from './decorator.ts';
export { defaults, each, type Defaults, type Each, type WithDefaults } from './defaults.ts';
export { idempotent, type IdempotentOptions, type NotRun } from './idempotent.ts';
export type { StandardIssue, StandardResult, StandardSchema } from './standard-schema.ts';
export { validated, type Invalid } from './validated.ts';
