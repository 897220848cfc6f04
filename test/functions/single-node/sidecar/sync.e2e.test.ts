import { programOf, testRepository, type TestRepository } from '../../../support/git-repository.ts';
import { killFunctions } from '../../../support/breaking.ts';
import { http, until, type HttpAnswer } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';

const PATIENCE_MS = 60_000;
const TEST_MS = 2 * PATIENCE_MS;

let repository: TestRepository;
let stack: TestStack;
beforeAll(async () => {
  repository = await testRepository();
  stack = await startTestStack({ env: { SIDECAR_REPOSITORY: repository.path, SYNC_INTERVAL_MS: '1000' } });
}, 150_000);
afterAll(async () => {
  await stack.stop();
  await repository.remove();
}, 60_000);

interface Legacy {
  readonly answer: unknown;
  readonly configVersion: number;
  readonly programVersion: string;
}

const call = (method: string, path: string, body?: unknown): Promise<HttpAnswer> =>
  http(method, `${stack.info.apiUrl}${path}`, {
    ...(body === undefined ? {} : { body }),
    headers: { authorization: `Bearer ${stack.info.adminToken}` },
  });
const legacy = async (): Promise<Legacy> => {
  const answer = await until(
    () => call('GET', '/sidecar/legacy'),
    ({ status }) => status === 200,
    PATIENCE_MS,
  );
  return answer.json as Legacy;
};
const sync = async (retry = false): Promise<Record<string, unknown>> => {
  const answer = await call('POST', `/sidecar/sync${retry ? '?retry=true' : ''}`);
  return { code: answer.status, ...(answer.json as object) };
};
const version = (name: string, options: Parameters<typeof programOf>[1] = {}) => ({
  'program.mjs': programOf(JSON.stringify(name), options),
});
/** The commits that were pushed and are good, in order. */
const pushed: string[] = [];
const pidOf = async (): Promise<number> => {
  const { json } = await call('GET', '/sidecar/topz');
  return (json as { program: { pid: number } }).program.pid;
};

test(
  'a repository without a commit leaves the program that came with the function',
  async () => {
    expect((await legacy()).programVersion).toBe('bundled');
    expect(await sync()).toMatchObject({ code: 503, detail: expect.stringContaining('synced') });
    expect((await legacy()).programVersion).toBe('bundled');
  },
  TEST_MS,
);

test(
  'a push becomes the running version, by the route or by itself, and no call fails meanwhile',
  async () => {
    const seen = new Set<string>();
    let isOver = false;
    const clients = Array.from({ length: 3 }, async () => {
      while (!isOver) {
        const answer = await call('GET', '/sidecar/legacy');
        seen.add(answer.status === 200 ? (answer.json as Legacy).programVersion : `failed: ${answer.text}`);
      }
    });
    try {
      const one = await repository.push(version('one'));
      // `same` where the instance that was asked had just looked by itself.
      const outcome = await sync();
      expect(outcome).toMatchObject({ code: 200, commit: one, running: one });
      expect(['deployed', 'same']).toContain(outcome['status']);
      // Others of the function's instances look for themselves.
      const running = await until(legacy, ({ programVersion }) => programVersion === one, PATIENCE_MS);
      expect(running.answer).toBe('one');
      const two = await repository.push(version('two'));
      pushed.push(one, two);
      await until(legacy, ({ programVersion }) => programVersion === two, PATIENCE_MS);
    } finally {
      isOver = true;
      await Promise.all(clients);
    }
    expect([...seen].filter((each) => each.startsWith('failed'))).toEqual([]);
    expect([...seen].every((each) => ['bundled', ...pushed].includes(each))).toBe(true);
  },
  TEST_MS,
);

test(
  'a bad version is refused with the reason, and the one before goes on',
  async () => {
    // Each instance of the function looks for itself: one that was not called lately may not have seen the last version.
    const before = ['bundled', ...pushed];
    const expectRefusal = async (commit: string, reason: string): Promise<void> => {
      for (const retry of [false, false, true]) {
        const outcome = await sync(retry);
        expect(outcome).toMatchObject({ code: 200, commit, reason: expect.stringContaining(reason) });
        expect(['refused', 'known-bad']).toContain(outcome['status']);
        expect(before).toContain(outcome['running']);
      }
      for (let calls = 0; calls < 10; calls += 1) expect(before).toContain((await legacy()).programVersion);
    };
    await expectRefusal(await repository.push(version('sick', { before: 'process.exit(4);' })), 'code 4');
    await expectRefusal(
      await repository.push({ ...version('link'), 'a/link': { link: '/etc/passwd' } }),
      'symbolic link',
    );
    await repository.reset(pushed.at(-1) ?? '');
    await until(sync, ({ running }) => running === pushed.at(-1), PATIENCE_MS);
  },
  TEST_MS,
);

test(
  'a program that is killed is there again, and so it is after the functions were killed',
  async () => {
    const good = pushed.at(-1);
    await until(legacy, ({ programVersion }) => programVersion === good, PATIENCE_MS);
    const pid = await pidOf();
    process.kill(pid, 'SIGKILL');
    await until(legacy, ({ programVersion }) => programVersion === good, PATIENCE_MS);
    expect(await pidOf()).not.toBe(pid);

    const last = await pidOf();
    await killFunctions(stack);
    await until(legacy, ({ programVersion }) => programVersion === good, PATIENCE_MS);
    // The process of before went with the functions.
    expect(() => process.kill(last, 0)).toThrow('ESRCH');
  },
  TEST_MS,
);

test(
  'while the table does not answer, the program goes on by the last good configuration',
  async () => {
    await call('PUT', '/sidecar/config/legacy', { value: { greeting: 'Before' } });
    const one = await until(legacy, ({ configVersion }) => configVersion === 1, PATIENCE_MS);
    const faults = [{ at: 'table/sidecar-config', kind: 'error' }];
    expect((await call('PUT', '/faults', { faults })).status).toBe(200);
    const untilMs = performance.now() + 4_000;
    await until(
      async () => {
        expect(await legacy()).toEqual(one);
        return performance.now();
      },
      (nowMs) => nowMs > untilMs,
      PATIENCE_MS,
      200,
    );
    const fired = (await call('GET', '/faults')).json as { faults: readonly { fired: number }[] };
    expect(fired.faults[0]?.fired).toBeGreaterThan(0);
    await call('DELETE', '/faults');
    await call('PUT', '/sidecar/config/legacy', { value: { greeting: 'After' } });
    await until(legacy, ({ configVersion }) => configVersion === 2, PATIENCE_MS);
  },
  TEST_MS,
);
