/** What the examples of these READMEs take as given, so that the whole of them can be compiled as a user would write it. */
export const readmePreludes: Readonly<Record<string, string>> = {
  'functions/batch/work-queue/README.md': `
import type { Clock, Log, Queue, Random, Table } from 'distributed-patterns/primitives';
declare const resize: (key: string, signal: AbortSignal) => Promise<number>;
declare const jobs: Table;
declare const effects: Table;
declare const undeliverable: Queue;
declare const clock: Clock;
declare const random: Random;
declare const log: Log;
`,
  'functions/batch/event-driven/README.md': `
import type { Outlets } from 'distributed-patterns/batch/event-driven';
import type { Clock, Log, Queue, Random, Table } from 'distributed-patterns/primitives';
declare const table: Table;
declare const lists: Queue;
declare const outlets: Outlets;
declare const deadLetters: Queue;
declare const clock: Clock;
declare const random: Random;
declare const log: Log;
`,
  'functions/batch/coordinated/README.md': `
import type { Bus, Clock, Log, Queue, Random, Table } from 'distributed-patterns/primitives';
declare const table: Table;
declare const effects: Table;
declare const bus: Bus;
declare const queue: Queue;
declare const deadLetters: Queue;
declare const clock: Clock;
declare const random: Random;
declare const log: Log;
`,
  'functions/serving/replicated/README.md': `
import type { Clock, Random, Table } from 'distributed-patterns/primitives';
interface Senses {
  readonly definition: string;
  readonly examples?: readonly string[];
}
declare const dictionary: { find(word: string, signal: AbortSignal): Promise<Senses | undefined> };
declare const table: Table;
declare const clock: Clock;
declare const random: Random;
`,
  'functions/serving/functions-and-events/README.md': `
import { randomInt } from 'node:crypto';
import type { Bus, Clock, Random, Table } from 'distributed-patterns/primitives';
import type { Idempotency } from 'distributed-patterns/resilience/idempotency';
import type { Mailer, StandardSchema } from 'distributed-patterns/serving/functions-and-events';
type Draft = { readonly currency?: string; readonly lines: readonly { readonly sku: string; readonly quantity?: number }[] };
type Order = { readonly currency: string; readonly lines: readonly { readonly sku: string; readonly quantity: number }[] };
declare const orderSchema: StandardSchema<Draft, Order>;
declare const verify: (token: string) => { readonly id: string } | undefined;
declare const shop: { place(id: string, caller: { readonly id: string }, order: Order): Promise<{ readonly orderId: string }> };
declare const idempotency: Idempotency;
declare const table: Table;
declare const bus: Bus;
declare const mailer: Mailer;
declare const clock: Clock;
declare const random: Random;
declare const key: Uint8Array;
declare const requestId: string;
declare const user: string;
declare const address: string;
declare const code: string;
declare const sentAtMs: number;
`,
  'functions/serving/scatter-gather/README.md': `
import type { Clock } from 'distributed-patterns/primitives';
interface Query {
  readonly words: readonly string[];
  readonly limit: number;
}
interface Hit {
  readonly id: string;
  readonly score: number;
}
type Ask = (query: Query, signal: AbortSignal) => Promise<readonly Hit[]>;
declare const shards: readonly { readonly name: string; readonly replicas: readonly Ask[] }[];
declare const words: readonly string[];
declare const clock: Clock;
`,
};

/** What is added behind them: that what they come to has the type that a user counts on. */
export const readmeChecks: Readonly<Record<string, string>> = {
  'functions/serving/replicated/README.md': `
export const definition: string | undefined = value?.definition;
export const told: readonly [string, number] = [state, ageMs];
`,
  'functions/serving/scatter-gather/README.md': `
export const ids: readonly string[] = (answer ?? []).map(({ id }) => id);
export const told: readonly [string, number] = [status, missing.length];
`,
};
