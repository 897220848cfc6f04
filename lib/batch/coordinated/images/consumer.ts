import { checkNames } from '#primitives/checks';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import { traceField } from '../../work-queue/logged.ts';
import { parseMessage } from '../../message.ts';
import { sendAll } from '../../work-queue/send.ts';
import { PermanentFailure } from '../../work-queue/types.ts';
import { undeliverable } from '../../work-queue/undeliverable.ts';
import { endImage, report } from './finish.ts';
import { checkImagesOptions, IMAGES_OPTIONS } from './images.ts';
import { copy, failImages, ingest } from './ingest.ts';
import { imageMessage, type ImageMessage } from './messages.ts';
import { imagesStore, type ImagesOptions, type ImagesStore } from './store.ts';
import { doStep } from './steps.ts';
import type { ImagesPlan } from './types.ts';

const IMAGE_JOIN = /^image-(.+)-(\d{1,4})$/;
const ALL_JOIN = /^images-(.+)$/;

/** A join of the pipeline has fired; other joins are none of its business. */
const joined = async (store: ImagesStore, joinId: string): Promise<void> => {
  const [, id, image] = IMAGE_JOIN.exec(joinId) ?? [];
  if (id !== undefined && image !== undefined) return endImage(store, id, Number(image));
  const [, all] = ALL_JOIN.exec(joinId) ?? [];
  if (all !== undefined) await report(store, all);
};

/** A source that cannot be listed, now or later, is the end of its images. */
const tryIngest = async (store: ImagesStore, id: string, plan: ImagesPlan): Promise<void> => {
  try {
    await ingest(store, id, plan);
  } catch (error) {
    if (!(error instanceof PermanentFailure)) throw error;
    await failImages(store, id, error.message);
  }
};

const handle = async (store: ImagesStore, body: ImageMessage, messageId: string, givenUp?: string): Promise<void> => {
  if ('joinId' in body) return joined(store, body.joinId);
  if ('source' in body) {
    const { imagesId: id = messageId, ...plan } = body;
    return givenUp === undefined ? tryIngest(store, id, plan) : failImages(store, id, givenUp);
  }
  const { imagesId: id, image, key, step } = body;
  if (step !== undefined) return doStep(store, id, image, key, step, givenUp);
  return copy(store, id, image, key);
};

/**
 * Handles a message of the queue of images. Rejects when it could not: the message has to come again. What was received
 * more than `maxReceiveCount` times has crashed whoever tried it: a step then counts as failed, with that reason, and a
 * listing has failed. What cannot be read goes to the dead letters, with the attributes `reason` and `attempts`.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const imageConsumer = (
  options: ImagesOptions & { readonly deadLetters: Queue; readonly maxReceiveCount: number },
) => {
  checkNames(options, [...IMAGES_OPTIONS, 'deadLetters', 'maxReceiveCount']);
  const { deadLetters, maxReceiveCount, ...rest } = options;
  checkImagesOptions(rest);
  const store = imagesStore(rest);
  return async (message: ReceivedMessage): Promise<void> => {
    const parsed = parseMessage(imageMessage, message.body);
    if (parsed.ok) {
      const isGivenUp = message.receiveCount > maxReceiveCount;
      const givenUp = isGivenUp ? `received ${maxReceiveCount} times without an answer` : undefined;
      return handle(store, parsed.value, message.id, givenUp);
    }
    const { reason } = parsed;
    store.log.warn('image message refused', { message: message.id, reason, ...traceField(message) });
    await sendAll(deadLetters, [undeliverable(message, { reason, attempts: message.receiveCount })], store.pause);
  };
};
