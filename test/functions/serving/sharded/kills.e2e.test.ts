import { setTimeout as sleep } from 'node:timers/promises';
import { killFunctions, untilReplaced } from '../../../support/breaking.ts';
import { askPatiently, http, until } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';

const PATIENCE_MS = 240_000;
const CLIENT_COUNT = 2;
const KEYS_EACH = 8;
const KILLS = 2;

interface Status {
  readonly status: 'idle' | 'moving';
  readonly plan?: { readonly slots: { readonly total: number; readonly done: number } };
}

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
}, 150_000);
afterAll(() => stack.stop(), 60_000);

const ask = (method: string, path: string, body?: object) =>
  http(method, `${stack.info.apiUrl}/sharded${path}`, {
    ...(body === undefined ? {} : { body }),
    headers: { authorization: `Bearer ${stack.info.adminToken}` },
  }).catch(() => undefined);
const statusOf = async (): Promise<Status | undefined> => {
  const answer = await ask('GET', '/resharding');
  return answer?.status === 200 ? (answer.json as Status) : undefined;
};
const slotsDone = (status: Status | undefined): number => status?.plan?.slots.done ?? 0;

/** The numbers put under a key, which only rise: `asked` for last, and answered last. */
interface Puts {
  asked: number;
  answered: number;
}

/**
 * Each key has one client that puts it, and all read all: a read gives at least what was answered before it began, and
 * nothing that nobody had asked for when it ended.
 */
const load = () => {
  const puts = new Map<string, Puts>();
  const wrong: string[] = [];
  const counts = { puts: 0, reads: 0, unanswered: 0 };
  let isOver = false;

  const put = async (key: string): Promise<void> => {
    const own = puts.get(key) ?? { asked: 0, answered: 0 };
    puts.set(key, own);
    own.asked += 1;
    const value = own.asked;
    const answer = await ask('PUT', `/cache/${key}`, { value });
    if (answer?.status === 200) own.answered = value;
    if (answer?.status === 200) counts.puts += 1;
    else counts.unanswered += 1;
  };
  const read = async (key: string): Promise<boolean> => {
    const least = puts.get(key)?.answered ?? 0;
    const answer = await ask('GET', `/cache/${key}`);
    if (answer === undefined || ![200, 404].includes(answer.status)) return false;
    const value = answer.status === 404 ? 0 : (answer.json as { readonly value: number }).value;
    const most = puts.get(key)?.asked ?? 0;
    if (value < least || value > most) wrong.push(`${key}: read ${value}, not ${least} to ${most}`);
    counts.reads += 1;
    return true;
  };
  const keyOf = (client: number, at: number): string => `kills-${client}-${at % KEYS_EACH}`;
  const clients = Array.from({ length: CLIENT_COUNT }, async (_, client) => {
    for (let at = 0; !isOver; at += 1) {
      await put(keyOf(client, at));
      await read(keyOf((client + 1) % CLIENT_COUNT, at));
      await sleep(100);
    }
  });
  return {
    puts,
    wrong,
    counts,
    read,
    stop: async () => {
      isOver = true;
      await Promise.all(clients);
    },
  };
};

test(
  'a shard is added under load while the functions are killed twice: no write is lost, no read is stale',
  async () => {
    const running = load();
    try {
      await until(
        async () => running.counts.puts,
        (count) => count > CLIENT_COUNT * KEYS_EACH,
        PATIENCE_MS,
      );
      const headers = { authorization: `Bearer ${stack.info.adminToken}` };
      const body = { name: 'late-comer', weight: 8 };
      const begun = await askPatiently('POST', `${stack.info.apiUrl}/sharded/shards`, { headers, body }, PATIENCE_MS);
      expect(begun.status).toBe(202);
      let killedAt = 0;
      for (let kills = 0; kills < KILLS; kills += 1) {
        // In the middle of the plan: it is further than where it was killed before, and has not ended.
        const status = await until(statusOf, (now) => now?.status === 'idle' || slotsDone(now) > killedAt, PATIENCE_MS);
        expect(status?.status).toBe('moving');
        killedAt = slotsDone(status);
        await untilReplaced(stack, await killFunctions(stack), PATIENCE_MS);
      }
      await until(statusOf, (now) => now?.status === 'idle', PATIENCE_MS, 500);
    } finally {
      await running.stop();
    }

    const { json } = (await ask('GET', '/shards')) ?? {};
    expect((json as { shards: { name: string }[] }).shards.map(({ name }) => name)).toContain('late-comer');
    for (const key of running.puts.keys())
      await until(
        () => running.read(key),
        (isRead) => isRead,
        PATIENCE_MS,
      );
    expect(running.wrong).toEqual([]);
    expect(running.puts.size).toBe(CLIENT_COUNT * KEYS_EACH);
    expect(running.counts.reads).toBeGreaterThan(30);
  },
  4 * PATIENCE_MS,
);
