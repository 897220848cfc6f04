import { sendAll } from '../../work-queue/send.ts';
import type { JoinStore } from './store.ts';

/** What a message says that looks after a join. */
export interface Watch {
  /** Rises with each of them. */
  readonly hop: number;
  /** So long the queue holds it back. */
  readonly delayMs: number;
  /** When the first was sent, by the queue's clock. Absent: this is the first. The head has it from its note on. */
  readonly startedAtMs?: number | undefined;
}

export const sendWatch = (store: Pick<JoinStore, 'queue' | 'pause'>, joinId: string, watch: Watch): Promise<void> =>
  sendAll(store.queue, [{ body: JSON.stringify({ joinId, watch }), delayMs: watch.delayMs }], store.pause);
