import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { isObject } from '../../localstack/plugin/template.ts';
import { SERVERLESS } from '../localstack/plugin/host.ts';
import type { Packaged } from './rules.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
/** The packaged template, in the folder of the package. */
export const TEMPLATE_FILE = 'cloudformation-template-update-stack.json';
const PACKAGE_TIMEOUT_MS = 180_000;

/**
 * Packages the service as for AWS, without the network, into a new folder, which the caller removes. No temporary files
 * may be left of it.
 *
 * @param settings Environment variables beside those of this process.
 */
export const packageService = async (
  stage: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<{ readonly folder: string; readonly template: Packaged }> => {
  const folder = mkdtempSync(path.join(tmpdir(), 'template-'));
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  try {
    const packaging = promisify(execFile)(
      process.execPath,
      [SERVERLESS, 'package', '--stage', stage, '--package', folder],
      {
        cwd: ROOT,
        env: { ...inherited, ...settings },
        timeout: PACKAGE_TIMEOUT_MS,
      },
    );
    await packaging;
    const left = readdirSync(tmpdir()).filter((name) => name.includes(`-${packaging.child.pid}-`));
    if (left.length > 0) throw new Error(`Packaging left among the temporary files: ${left.join(', ')}`);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  const text = readFileSync(path.join(folder, TEMPLATE_FILE), 'utf8');
  return { folder, template: JSON.parse(text) as Packaged };
};

/** Of a local header, the lengths of the name and of the extra field stand at 26 and 28. */
const LOCAL_HEADER_BYTES = 30;
const CENTRAL_HEADER_BYTES = 46;
const END_BYTES = 22;
const DEFLATED = 8;

/**
 * The files of a zip archive without a comment.
 *
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT sections 4.3.7, 4.3.12 and 4.3.16
 */
export const unzip = (archive: Buffer): ReadonlyMap<string, string> => {
  const end = archive.length - END_BYTES;
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  const files = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    const [method, sizeBytes] = [archive.readUInt16LE(at + 10), archive.readUInt32LE(at + 20)];
    const nameBytes = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + CENTRAL_HEADER_BYTES, at + CENTRAL_HEADER_BYTES + nameBytes);
    const local = archive.readUInt32LE(at + 42);
    const start = local + LOCAL_HEADER_BYTES + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const data = archive.subarray(start, start + sizeBytes);
    files.set(name, (method === DEFLATED ? inflateRawSync(data) : data).toString());
    at += CENTRAL_HEADER_BYTES + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return files;
};

/** The short forms of CloudFormation's functions do not matter for the keys. */
const yamlOf = (file: string): unknown =>
  load(readFileSync(path.join(ROOT, file), 'utf8').replaceAll(/!(?:[A-Z]\w+)\s/g, ''), { schema: YAML11_SCHEMA });

const fragmentsOf = (section: unknown): readonly string[] =>
  (Array.isArray(section) ? section : []).flatMap(
    (each) => /^\$\{file\((?:\.\/)?(.+)\)\}$/.exec(String(each))?.[1] ?? [],
  );

const sectionKeys = (value: unknown): readonly string[] =>
  isObject(value)
    ? Object.entries(value).flatMap(([section, entries]) =>
        isObject(entries) ? Object.keys(entries).map((key) => `${section}.${key}`) : [],
      )
    : [];

/** The keys that each fragment listed in serverless.yml defines: functions, or `Resources.…` and `Outputs.…`. */
export const fragmentKeys = (): {
  readonly functions: Readonly<Record<string, readonly string[]>>;
  readonly resources: Readonly<Record<string, readonly string[]>>;
} => {
  const service = yamlOf('serverless.yml');
  const { functions, resources } = isObject(service) ? service : {};
  const keysOf = (section: unknown, keys: (value: unknown) => readonly string[]) =>
    Object.fromEntries(fragmentsOf(section).map((file) => [file, keys(yamlOf(file))]));
  return {
    functions: keysOf(functions, (value) => (isObject(value) ? Object.keys(value) : [])),
    resources: keysOf(resources, sectionKeys),
  };
};
