import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { PatternError } from '#primitives/errors';
import { systemClock } from '#primitives/system-clock';
import { redisClient } from '#single-node/adapter/redis-client';
import { redisStats } from '#single-node/adapter/redis-stats';
import { respCommand, respReader, type Reply } from '#single-node/adapter/resp';

const read = (...pieces: readonly (string | Buffer)[]): readonly Reply[] => {
  const reader = respReader({ maxReplyBytes: 10_000 });
  return pieces.flatMap((piece) => reader(Buffer.from(piece)));
};
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof PatternError ? error.code : String(error);
  }
  return 'none';
};

/** A server's side of RESP, of the test's own. */
const written = (reply: Reply): string => {
  if (reply === null) return '$-1\r\n';
  if (typeof reply === 'number') return `:${reply}\r\n`;
  if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`;
  if ('error' in reply) return `-${reply.error}\r\n`;
  return `*${reply.length}\r\n${reply.map(written).join('')}`;
};

describe('replies', () => {
  test('each kind is read', () => {
    expect(read('+OK\r\n-ERR no\r\n:-5\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n$2\r\n\r\n\r\n')).toEqual([
      'OK',
      { error: 'ERR no' },
      -5,
      '',
      null,
      null,
      [],
      '\r\n',
    ]);
  });

  test('any replies are read, in whatever pieces they come', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.maxSafeInteger(),
      fc.constant(null),
      fc.stringMatching(/^[A-Z]{1,5}$/).map((error) => ({ error })),
    );
    const { reply } = fc.letrec<{ reply: Reply }>((tie) => ({
      reply: fc.oneof({ depthSize: 'small', maxDepth: 5 }, leaf, fc.array(tie('reply'), { maxLength: 4 })),
    }));
    fc.assert(
      fc.property(
        fc.array(reply, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (replies, sizes) => {
          const bytes = Buffer.from(replies.map(written).join(''));
          const pieces: Buffer[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = sizes[turn % sizes.length] ?? 1;
            pieces.push(bytes.subarray(at, at + size));
            at += size;
          }
          expect(read(...pieces)).toEqual(replies);
        },
      ),
    );
  });

  test.each([
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n', 'redis/protocol'],
    ['RESP 3', '%1\r\n+a\r\n:1\r\n', 'redis/protocol'],
    ['a number that is none', ':1e3\r\n', 'redis/protocol'],
    ['a length that is none', '$x\r\n', 'redis/protocol'],
    ['a text without its end', '$1\r\nab\r\n', 'redis/protocol'],
    ['a line that never ends', `+${'a'.repeat(5_000)}`, 'redis/protocol'],
    ['arrays in arrays without end', '*1\r\n'.repeat(100), 'redis/protocol'],
    ['a text that is too long', '$10001\r\n', 'redis/too-long'],
    ['a list that is too long', `*1000000000\r\n${':1\r\n'.repeat(3_000)}`, 'redis/too-long'],
  ])('%s is refused', (_, text, code) => {
    expect(codeOf(() => read(text))).toBe(code);
  });

  test('whatever comes, it ends in replies or in an error of ours', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
        const code = codeOf(() => read(...pieces.map((piece) => Buffer.from(piece))));
        expect(['none', 'redis/protocol', 'redis/too-long']).toContain(code);
      }),
    );
  });
});

test('an argument with line ends is one argument', () => {
  expect(respCommand(['SET', 'k', 'x\r\nFLUSHALL\r\né'])).toBe(
    '*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$15\r\nx\r\nFLUSHALL\r\né\r\n'.replace(
      '$15',
      `$${Buffer.byteLength('x\r\nFLUSHALL\r\né')}`,
    ),
  );
});

describe('a client', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  });
  const serve = async (answer: (socket: Socket, text: string) => void) => {
    const open = new Set<Socket>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on('close', () => open.delete(socket));
      socket.on('error', () => undefined);
      socket.on('data', (piece) => answer(socket, piece.toString()));
    });
    server.listen({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    servers.push(server);
    const { port } = server.address() as AddressInfo;
    return { port, openCount: () => open.size };
  };
  const clientOf = (port: number, deadlineMs = 10_000) =>
    redisClient({ host: '127.0.0.1', port, clock: systemClock(), deadlineMs, maxReplyBytes: 1_000 });
  const failureOf = (work: Promise<unknown>) =>
    work.then(
      () => 'none',
      (error: unknown) => (error instanceof PatternError ? error.code : String(error)),
    );
  const gone = async (openCount: () => number): Promise<number> => {
    for (let tries = 0; tries < 200 && openCount() > 0; tries += 1) await systemClock().sleep(10);
    return openCount();
  };

  test('sends commands one after the other on one connection, and closes it', async () => {
    const seen: string[] = [];
    const { port, openCount } = await serve((socket, text) => {
      seen.push(text);
      socket.write(`:${seen.length}\r\n`);
    });
    const replies = await clientOf(port)(async (command) => [await command('A'), await command('B', 'c')]);
    expect(replies).toEqual([1, 2]);
    expect(seen).toEqual(['*1\r\n$1\r\nA\r\n', '*2\r\n$1\r\nB\r\n$1\r\nc\r\n']);
    expect(await gone(openCount)).toBe(0);
  });

  test.each([
    ['an error reply', (socket: Socket) => void socket.write('-NOAUTH Authentication required.\r\n'), 'redis/error'],
    ['what is no Redis', (socket: Socket) => void socket.write('SSH-2.0-OpenSSH_9\r\n'), 'redis/protocol'],
    ['a reply without end', (socket: Socket) => void socket.write(`$999\r\n${'x'.repeat(2_000)}`), 'redis/protocol'],
    ['a connection that is closed', (socket: Socket) => void socket.destroy(), 'primitives/unavailable'],
    ['more replies than commands', (socket: Socket) => void socket.write('+A\r\n+B\r\n'), 'redis/protocol'],
  ])('%s is an error, and leaves no connection', async (_, answer, code) => {
    const { port, openCount } = await serve(answer);
    const twice = clientOf(port)(async (command) => [await command('A'), await command('A')]);
    expect(await failureOf(twice)).toBe(code);
    expect(await gone(openCount)).toBe(0);
  });

  test('a server that says nothing is given up at the deadline, and an abort ends it at once', async () => {
    const { port, openCount } = await serve(() => undefined);
    expect(await failureOf(clientOf(port, 30)((command) => command('A')))).toBe('adapter/late');
    const stop = new AbortController();
    const waiting = failureOf(clientOf(port)((command) => command('A'), stop.signal));
    await systemClock().sleep(30);
    stop.abort();
    expect(await waiting).toBe('primitives/unavailable');
    expect(await gone(openCount)).toBe(0);
  });

  test('nobody who listens is an error', async () => {
    const { port } = await serve(() => undefined);
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    expect(await failureOf(clientOf(port)((command) => command('A')))).toBe('primitives/unavailable');
  });

  test('INFO is asked for in sections that every version knows, and what comes twice counts once', async () => {
    const info = 'redis_version:2.8.0\r\nused_memory:5\r\ncmdstat_get:calls=1,usec=2\r\n';
    const { port } = await serve((socket, text) => {
      socket.write(written(text.includes('commandstats') ? info : text.includes('errorstats') ? '' : info));
    });
    const { families, unparsedCount } = await redisStats({ redis: clientOf(port) }).read(new AbortController().signal);
    expect(unparsedCount).toBe(0);
    expect(families.find(({ name }) => name === 'redis_command_calls_total')?.samples).toHaveLength(1);
  });

  test.each([
    ['port', { port: 0 }],
    ['port', { port: 65_536 }],
    ['host', { host: '' }],
    ['deadlineMs', { deadlineMs: 0 }],
    ['maxReplyBytes', { maxReplyBytes: 0 }],
  ])('a bad %s is refused', (name, options) => {
    const good = { host: 'h', port: 1, clock: systemClock(), deadlineMs: 1, maxReplyBytes: 1 };
    expect(() => redisClient({ ...good, ...options })).toThrow(`Expected '${name}'`);
  });
});
