/** Functions and events (Burns, chapter 9): two-factor codes and sign-ups as small functions that events call. */
export {
  mailbox,
  type Mail,
  type Mailbox,
  type MailboxOptions,
  type Mailer,
  type SentMail,
} from './mailbox/mailbox.ts';
export {
  challenges,
  type Challenge,
  type ChallengeRequest,
  type Challenges,
  type ChallengesOptions,
  type Verdict,
} from './two-factor/challenges.ts';
export { codeSender, type CodeSender, type CodeSenderOptions, type Sending } from './two-factor/code-sender.ts';
export { keyedMac, type Mac } from './two-factor/mac.ts';
export { normalizeEmail } from './sign-up/email.ts';
export { signUps, type SignUpRequest, type SignUps, type SignUpsOptions } from './sign-up/sign-ups.ts';
export { signUpSteps, type SignUpSteps, type SignUpStepsOptions, type StepOutcome } from './sign-up/sign-up-steps.ts';
export type { SignUpStep, SignUpView, StepView } from './sign-up/record.ts';
export { EVENT_SOURCE } from './events.ts';
export * from './decorators/index.ts';
export { orderBook, type Order, type OrderBook, type OrderRequest } from './orders.ts';
export { breakEven, type BreakEven, type BreakEvenOptions } from './break-even.ts';
