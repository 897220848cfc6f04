import type { Objects } from '#primitives/objects';
import { onEveryBackend } from '../support/backends.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array | undefined): string => new TextDecoder().decode(body);
const INVALID = { code: 'primitives/invalid-argument' };

onEveryBackend('objects', (backend, promise) => {
  let objects: Objects;
  beforeEach(async () => {
    objects = await backend().objects();
  });

  promise('gives back the bytes and the type that were put', async () => {
    const body = Uint8Array.from({ length: 70_000 }, (_, at) => at % 256);
    await objects.put('images/ü \u{1F600}+?&=#.png', body, { contentType: 'image/png' });
    const found = await objects.get('images/ü \u{1F600}+?&=#.png');
    expect(Buffer.from(found?.body ?? []).equals(Buffer.from(body))).toBe(true);
    expect(found?.contentType).toBe('image/png');
    await objects.put('empty', new Uint8Array());
    expect(await objects.get('empty')).toMatchObject({ contentType: 'application/octet-stream' });
    expect((await objects.get('empty'))?.body.length).toBe(0);
  });

  promise('knows of no object that was never put, and replaces and deletes as a whole', async () => {
    expect(await objects.get('k')).toBeUndefined();
    await objects.put('k', bytes('first'));
    const first = await objects.get('k');
    await objects.put('k', bytes('second'));
    const second = await objects.get('k');
    expect([text(first?.body), text(second?.body)]).toEqual(['first', 'second']);
    expect(second?.etag).not.toBe(first?.etag);
    await objects.delete('k');
    await objects.delete('k');
    expect(await objects.get('k')).toBeUndefined();
  });

  promise(
    'an object of more bytes than its reader takes is not read, whatever is read of others meanwhile',
    async () => {
      await objects.put('large', new Uint8Array(3 * 1_048_576));
      await objects.put('small', bytes('12345'));
      // As many as there are connections: one that is never given back would be missed.
      for (let at = 0; at < 60; at += 1)
        await expect(objects.get('large', { maxBytes: 5 })).rejects.toMatchObject({
          code: 'primitives/object-too-large',
          retryable: false,
        });
      expect(text((await objects.get('small', { maxBytes: 5 }))?.body)).toBe('12345');
      expect(await objects.get('none', { maxBytes: 5 })).toBeUndefined();
      await expect(objects.get('small', { maxBytes: 4 })).rejects.toThrow(
        "object 'small' has 5 bytes, at most 4 are read",
      );
      await expect(objects.get('small', { maxBytes: -1 })).rejects.toMatchObject(INVALID);
    },
  );

  promise('keeps its own copy of the bytes', async () => {
    const body = bytes('abc');
    await objects.put('k', body);
    body[0] = 0;
    const found = await objects.get('k');
    found?.body.fill(0);
    expect(text((await objects.get('k'))?.body)).toBe('abc');
  });

  promise('lists keys by prefix, in order, page by page', async () => {
    const keys = ['a', 'in/1', 'in/10', 'in/2', 'in/é', 'z'];
    for (const key of keys.toReversed()) await objects.put(key, bytes(key));
    const all = await objects.list();
    expect(all.objects.map(({ key }) => key)).toEqual(keys);
    expect(all.next).toBeUndefined();
    const first = await objects.list({ prefix: 'in/', limit: 3 });
    expect(first.objects.map(({ key }) => key)).toEqual(['in/1', 'in/10', 'in/2']);
    expect(first.next).toBe('in/2');
    const second = await objects.list({ prefix: 'in/', limit: 3, after: first.next ?? '' });
    expect(second.objects.map(({ key }) => key)).toEqual(['in/é']);
    expect(second.next).toBeUndefined();
    const [entry] = first.objects;
    expect(entry).toEqual({ key: 'in/1', sizeBytes: 4, etag: (await objects.get('in/1'))?.etag });
    expect(await objects.list({ prefix: 'none' })).toEqual({ objects: [] });
  });

  promise(
    'lists keys in the order of their bytes, also across pages',
    async () => {
      const keys = ['B', 'a', 'é', '\uFF5E', '\u{1F600}'];
      for (const key of keys.toReversed()) await objects.put(key, bytes(key));
      const first = await objects.list({ limit: 1 });
      const rest = await objects.list({ after: first.next ?? '' });
      expect([...first.objects, ...rest.objects].map(({ key }) => key)).toEqual(keys);
    },
    'listing-in-byte-order',
  );

  promise('refuses keys and pages outside of the limits', async () => {
    for (const key of ['', 'x'.repeat(1025), '\uD800']) {
      await expect(objects.put(key, bytes(''))).rejects.toMatchObject(INVALID);
      await expect(objects.get(key)).rejects.toMatchObject(INVALID);
    }
    await expect(objects.list({ limit: 0 })).rejects.toMatchObject(INVALID);
    await expect(objects.list({ limit: 1001 })).rejects.toMatchObject(INVALID);
  });

  promise('says that the outcome is unknown when the answer to a put was lost, and the object tells', async () => {
    backend().inject({ operation: 'PutObject', kind: 'lose-answer' });
    await expect(objects.put('k', bytes('v'))).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
    backend().inject(undefined);
    expect(text((await objects.get('k'))?.body)).toBe('v');
  });
});
