import { createHash } from 'node:crypto';

import { checkNames, checkText } from '../checks.ts';
import { checkGet, checkList, checkObjectKey } from '../object-limits.ts';
import { ObjectTooLargeError } from '../errors.ts';
import type { Objects, StoredObject } from '../objects.ts';
import { compareUtf8 } from '../utf8.ts';
import { memoryWire, type MemoryWire, type Operation } from './wire.ts';

export interface MemoryObjectsOptions {
  readonly name: string;
  readonly wire?: MemoryWire;
}

/** A bucket in memory. A put is one instant, and bodies are copied: nobody sees half of one, or changes one later. */
export const memoryObjects = (options: MemoryObjectsOptions): Objects => {
  checkNames(options, ['name', 'wire']);
  checkText('name', options.name, 1, 255);
  const { name, wire = memoryWire() } = options;
  const objects = new Map<string, StoredObject>();

  const operation = (called: string, isWrite: boolean): Operation => ({
    primitive: 'objects',
    name,
    operation: `s3.${called}`,
    isWrite,
    entryCount: 1,
  });

  return Object.freeze<Objects>({
    name,
    get: async (key, request = {}) => {
      checkGet(key, request);
      const { maxBytes = Infinity } = request;
      return wire.call(operation('GetObject', false), () => {
        const found = objects.get(key);
        if (found !== undefined && found.body.length > maxBytes)
          throw new ObjectTooLargeError(key, found.body.length, maxBytes);
        return found === undefined ? undefined : Object.freeze({ ...found, body: found.body.slice() });
      });
    },
    put: async (key, body, { contentType = 'application/octet-stream' } = {}) => {
      checkObjectKey(key);
      return wire.call(operation('PutObject', true), () => {
        const etag = `"${createHash('md5').update(body).digest('hex')}"`;
        objects.set(key, { body: Uint8Array.from(body), contentType, etag });
      });
    },
    delete: async (key) => {
      checkObjectKey(key);
      return wire.call(operation('DeleteObject', true), () => {
        objects.delete(key);
      });
    },
    list: async (request = {}) => {
      checkList(request);
      const { prefix = '', after, limit = 1000 } = request;
      return wire.call(operation('ListObjectsV2', false), () => {
        const keys = [...objects.keys()]
          .filter((key) => key.startsWith(prefix) && (after === undefined || compareUtf8(key, after) > 0))
          .toSorted(compareUtf8);
        const page = keys.slice(0, limit).flatMap((key) => {
          const found = objects.get(key);
          return found === undefined ? [] : [Object.freeze({ key, sizeBytes: found.body.length, etag: found.etag })];
        });
        const next = keys.length > limit ? page.at(-1)?.key : undefined;
        return Object.freeze(next === undefined ? { objects: page } : { objects: page, next });
      });
    },
  });
};
