import { connect, type Socket } from 'node:net';
import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError, UnavailableError } from '#primitives/errors';
import { withDeadline } from './bounded.ts';
import { respCommand, respReader, type RedisError, type Reply } from './resp.ts';

export interface RedisOptions {
  readonly host: string;
  /** 1..65 535. */
  readonly port: number;
  readonly clock: Clock;
  /** How long one use may take, connecting included: 1..60 000 ms. */
  readonly deadlineMs: number;
  /** The longest reply that is taken, 1..16 777 216 bytes. */
  readonly maxReplyBytes: number;
}

/** Sends a command and gives its reply. An error reply is raised as `redis/error`. */
export type RedisCommand = (name: string, ...args: readonly string[]) => Promise<Reply>;

/** Opens a connection for some commands, and closes it whatever comes. */
export type UseRedis = <T>(work: (command: RedisCommand) => Promise<T>, signal?: AbortSignal) => Promise<T>;

const isError = (reply: Reply): reply is RedisError =>
  typeof reply === 'object' && reply !== null && !Array.isArray(reply) && 'error' in reply;

/** One command after the other on a socket; what ends the connection ends the command that waits, and all later ones. */
const commandsOn = (socket: Socket, maxReplyBytes: number): RedisCommand => {
  const read = respReader({ maxReplyBytes });
  let waiting: PromiseWithResolvers<Reply> | undefined;
  let ended: Error | undefined;
  const end = (error: Error): void => {
    ended ??= error;
    waiting?.reject(ended);
    socket.destroy();
  };
  socket.on('error', (error) => end(new UnavailableError('redis', error)));
  socket.on('close', () => end(new UnavailableError('redis')));
  socket.on('data', (piece) => {
    try {
      for (const reply of read(piece)) {
        if (waiting === undefined) throw new PatternError('redis/protocol', 'Expected no reply, got one');
        waiting.resolve(reply);
        waiting = undefined;
      }
    } catch (error) {
      end(error instanceof Error ? error : new UnavailableError('redis', error));
    }
  });
  return async (...args) => {
    if (ended !== undefined) throw ended;
    if (waiting !== undefined) throw new PatternError('redis/busy', 'Expected one command at a time, got another');
    const mine = Promise.withResolvers<Reply>();
    waiting = mine;
    socket.write(respCommand(args));
    const reply = await mine.promise;
    if (isError(reply)) throw new PatternError('redis/error', `${args[0]}: ${reply.error.slice(0, 200)}`);
    return reply;
  };
};

/**
 * A Redis, as much of it as probes and adapters need: RESP 2, a connection for each use, one command at a time, no
 * pipelining, no TLS, no password. Everything is bounded: the time of a use, the length of a reply.
 *
 * @throws {@link InvalidArgumentError} when an option is outside its range. A use raises `adapter/late`,
 *   `redis/error`, `redis/protocol`, `redis/too-long`, `UnavailableError`, or what `work` raises.
 * @example
 * const redis = redisClient({ host: '127.0.0.1', port: 6379, clock, deadlineMs: 1_000, maxReplyBytes: 1_048_576 });
 * const info = await redis((command) => command('INFO'));
 */
export const redisClient = (options: RedisOptions): UseRedis => {
  checkNames(options, ['host', 'port', 'clock', 'deadlineMs', 'maxReplyBytes']);
  const { host, port, clock, deadlineMs, maxReplyBytes } = options;
  checkText('host', host, 1, 253);
  checkInteger('port', port, 1, 65_535);
  checkInteger('deadlineMs', deadlineMs, 1, 60_000);
  checkInteger('maxReplyBytes', maxReplyBytes, 1, 16_777_216);
  return async (work, signal) => {
    signal?.throwIfAborted();
    return withDeadline(clock, deadlineMs, async (late) => {
      const socket = connect({ host, port, noDelay: true });
      const command = commandsOn(socket, maxReplyBytes);
      const stop = (): void => void socket.destroy();
      const stops = signal === undefined ? [late] : [late, signal];
      for (const each of stops) each.addEventListener('abort', stop, { once: true });
      try {
        return await work(command);
      } finally {
        for (const each of stops) each.removeEventListener('abort', stop);
        socket.destroy();
      }
    });
  };
};
