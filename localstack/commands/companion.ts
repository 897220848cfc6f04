import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { systemClock } from '#primitives/system-clock';
import { jsonLog } from '#primitives/json-log';
import { claimPort } from '../free-port.ts';
import type { HostReady } from '../function-host.ts';
import { startPrimitives } from '../primitives.ts';
import { readStackSettings } from '../stack-settings.ts';
import { SERVICE, STAGE } from '../stage.ts';

/**
 * The primitives as a process of their own, for a bare `npx serverless offline start`: the plugin starts it, and it
 * ends when the plugin's process does, since their IPC channel closes then.
 */
const send = (message: object): void => void process.send?.(message);

const main = async (): Promise<void> => {
  if (process.send === undefined) throw new Error('companion.ts is started by the plugin, with an IPC channel.');
  const settings = readStackSettings([], process.env);
  const log = jsonLog({ level: 'warn', clock: systemClock(), write: (line) => void process.stderr.write(`${line}\n`) });
  const adminToken = randomBytes(24).toString('base64url');
  let host: HostReady | undefined;
  const closed = new Promise<void>((resolve) => process.once('disconnect', resolve));
  process.on('message', (message: HostReady) => {
    if (message.type === 'ready') host = message;
  });
  // The terminal's Ctrl-C reaches this process too; it is the end of the host that ends it.
  process.on('SIGINT', () => undefined);
  const primitives = await startPrimitives({
    port: await claimPort(settings.awsPort, 'AWS_PORT'),
    adminToken,
    service: SERVICE,
    stage: STAGE,
    ttlSweepMs: settings.ttlSweepMs,
    asyncRetryDelayMs: settings.asyncRetryDelayMs,
    functionHost: () => host,
    crashHost: () => void (host !== undefined && process.kill(host.pid, 'SIGKILL')),
    log,
  });
  send({ type: 'endpoint', url: primitives.endpoint.url, adminToken, stackDir: path.resolve(settings.stackDir) });
  await closed;
  host = undefined;
  await primitives.stop();
};

try {
  await main();
  process.exit(0);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  send({ type: 'failed', message });
  process.exit(1);
}
