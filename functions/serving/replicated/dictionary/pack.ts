import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readWordNet } from './wordnet.ts';
import { MANIFEST_KEY, objectKeyOf, type Sense } from './words.ts';

const compress = promisify(gzip);
/** A third of the time of zlib's default, for a tenth more bytes. */
const LEVEL = 1;

/** By key. */
const packDictionary = async (): Promise<ReadonlyMap<string, Uint8Array>> => {
  const words = await readWordNet();
  const objects = new Map<string, [string, readonly Sense[]][]>();
  for (const [word, senses] of words) {
    const key = objectKeyOf(word);
    const entries = objects.get(key) ?? [];
    entries.push([word, senses]);
    objects.set(key, entries);
  }
  const packed = new Map<string, Uint8Array>();
  for (const [key, entries] of objects)
    packed.set(key, await compress(JSON.stringify(Object.fromEntries(entries)), { level: LEVEL }));
  const manifest = { source: 'WordNet 3.1, Princeton University', wordCount: words.size, objectCount: objects.size };
  packed.set(MANIFEST_KEY, Buffer.from(JSON.stringify(manifest)));
  return packed;
};

const readPacked = async (folder: string): Promise<ReadonlyMap<string, Uint8Array>> => {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const objects = new Map<string, Uint8Array>();
  for (const file of files.filter((entry) => entry.isFile())) {
    const name = path.join(file.parentPath, file.name);
    objects.set(path.relative(folder, name).split(path.sep).join('/'), await readFile(name));
  }
  return objects;
};

/**
 * The objects of the dictionary, packed once and kept in `folder`: reading all of WordNet takes seconds. Another process
 * that packs them at the same time does no harm.
 */
export const packedDictionary = async (folder: string): Promise<ReadonlyMap<string, Uint8Array>> => {
  if (existsSync(path.join(folder, MANIFEST_KEY))) return readPacked(folder);
  const objects = await packDictionary();
  await mkdir(path.dirname(folder), { recursive: true });
  const draft = await mkdtemp(`${folder}-`);
  try {
    for (const [key, body] of objects) {
      await mkdir(path.dirname(path.join(draft, key)), { recursive: true });
      await writeFile(path.join(draft, key), body);
    }
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(path.join(folder, MANIFEST_KEY))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return objects;
};
