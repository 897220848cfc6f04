import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../is-running.ts';
import { StackError } from './errors.ts';

const POLL_MS = 200;

const ownerOf = (file: string): number | undefined => {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};

const tryLock = (file: string): boolean => {
  const owner = ownerOf(file);
  if (owner !== undefined && owner > 0 && owner !== process.pid && isRunning(owner)) return false;
  if (owner !== undefined) rmSync(file, { force: true });
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch {
    return false;
  }
};

/**
 * Packages one after the other: the framework builds in `.serverless` of the service whatever it is told, and a second
 * process there would mix its archives into those that the first is about to upload. Waits until the others have
 * ended; the lock goes with this process, also when it is killed.
 *
 * @throws {@link StackError} when another process packages for longer than `timeoutMs`.
 */
export const lockPackaging = async (
  serviceDir: string,
  options: { readonly timeoutMs: number; readonly say: (line: string) => void },
): Promise<void> => {
  const name = createHash('sha256').update(path.resolve(serviceDir)).digest('hex').slice(0, 16);
  const file = path.join(tmpdir(), `serverless-package-${name}.pid`);
  const deadlineMs = performance.now() + options.timeoutMs;
  for (let waits = 0; !tryLock(file); waits += 1) {
    if (waits === 0) options.say(`Process ${ownerOf(file)} packages this service: waiting for it …`);
    if (performance.now() > deadlineMs)
      throw new StackError(
        `Expected process ${ownerOf(file)}, which packages this service, to end within ${options.timeoutMs / 1000} s.`,
      );
    await sleep(POLL_MS);
  }
  process.once('exit', () => {
    if (ownerOf(file) === process.pid) rmSync(file, { force: true });
  });
};
