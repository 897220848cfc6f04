import { MAX_CALL_BYTES } from './batches.ts';
import { checkInteger, checkNames } from './checks.ts';
import type { OutgoingMessage, Queue } from './queue.ts';

/*
 * What SQS allows, refused alike by every backend.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
 */
const MAX_RECEIVE_COUNT = 10;
const MAX_WAIT_MS = 20_000;
export const MAX_VISIBILITY_MS = 43_200_000;
export const MAX_DELAY_MS = 900_000;
const MAX_ATTRIBUTE_COUNT = 10;
/** Group and deduplication ids: alphanumerics and punctuation. */
const QUEUE_ID = /^[!-~]{1,128}$/;
const ATTRIBUTE_NAME = /^(?!aws\.|amazon\.|\.)(?!.*(?:\.\.|\.$))[\w.-]{1,256}$/i;
/** Tab, line feed, carriage return, and everything from space on but U+FFFE and U+FFFF: what XML can hold. */
const isMessageText = (text: string): boolean =>
  // oxlint-disable-next-line no-control-regex -- the control characters are the point
  text.length > 0 && text.isWellFormed() && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text);

/** Bytes of a message as SQS counts them: body, and of each attribute name, type and value. */
export const messageBytes = ({ body, attributes = {} }: OutgoingMessage): number =>
  Object.entries(attributes).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + 'String'.length + Buffer.byteLength(value),
    Buffer.byteLength(body),
  );

const attributeFault = (attributes: Readonly<Record<string, string>>): string | undefined => {
  const entries = Object.entries(attributes);
  if (entries.length > MAX_ATTRIBUTE_COUNT) return `more than ${MAX_ATTRIBUTE_COUNT} attributes`;
  if (!entries.every(([name]) => ATTRIBUTE_NAME.test(name))) return 'an attribute name that SQS does not allow';
  if (!entries.every(([, value]) => isMessageText(value))) return 'an attribute value that SQS does not allow';
  return undefined;
};

/** Why no call would take the message, or undefined when nothing is wrong with it. */
export const messageFault = (message: OutgoingMessage, isFifo: boolean): string | undefined => {
  const { body, attributes = {}, delayMs, groupId, deduplicationId } = message;
  if (!isMessageText(body)) return 'a body that is empty or has characters that SQS does not allow';
  const reason = attributeFault(attributes);
  if (reason !== undefined) return reason;
  if (messageBytes(message) > MAX_CALL_BYTES) return `longer than ${MAX_CALL_BYTES} bytes`;
  if (delayMs !== undefined && (isFifo || !(delayMs >= 0 && delayMs <= MAX_DELAY_MS))) {
    return isFifo ? 'a delay of its own on a FIFO queue' : `a delay that is not 0 to ${MAX_DELAY_MS} ms`;
  }
  if (isFifo && groupId === undefined) return 'no groupId on a FIFO queue';
  if (!isFifo && deduplicationId !== undefined) return 'a deduplicationId on a standard queue';
  if (groupId !== undefined && !QUEUE_ID.test(groupId)) return 'a groupId that is not 1 to 128 printable characters';
  if (deduplicationId !== undefined && !QUEUE_ID.test(deduplicationId)) {
    return 'a deduplicationId that is not 1 to 128 printable characters';
  }
  return undefined;
};

/** @throws {@link InvalidArgumentError} when an option of `receive` is outside its range. */
export const checkReceive = (options: Parameters<Queue['receive']>[0]): void => {
  checkNames(options, ['maxCount', 'waitMs', 'visibilityMs']);
  checkInteger('maxCount', options.maxCount, 1, MAX_RECEIVE_COUNT);
  checkInteger('waitMs', options.waitMs ?? 0, 0, MAX_WAIT_MS);
  checkInteger('visibilityMs', options.visibilityMs ?? 0, 0, MAX_VISIBILITY_MS);
};

/** Why no call would take the change of visibility. */
export const visibilityFault = ({ visibilityMs }: { readonly visibilityMs: number }): string | undefined =>
  visibilityMs >= 0 && visibilityMs <= MAX_VISIBILITY_MS ? undefined : `not 0 to ${MAX_VISIBILITY_MS} ms`;
