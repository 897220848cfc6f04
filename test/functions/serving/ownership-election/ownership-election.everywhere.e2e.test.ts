import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { askPatiently, http, until, type HttpAnswer } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

const PATIENCE_MS = 120_000;
const TEST_MS = 2 * PATIENCE_MS;
const LEASE_MS = 2_000;
const HOLDER = path.join(import.meta.dirname, 'fixture/holder.ts');

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

interface Body {
  readonly fencingToken: number;
  readonly holder: string;
  readonly value: unknown;
  readonly conflicts: number;
}
const bodyOf = (answer: HttpAnswer): Body => answer.json as Body;
const call = (method: string, route: string, body?: object): Promise<HttpAnswer> =>
  askPatiently(method, `${place.info.apiUrl}/ownership${route}`, body === undefined ? {} : { body }, PATIENCE_MS);
const acquireWhenFree = (name: string, holder: string): Promise<HttpAnswer> =>
  until(
    () => call('POST', `/locks/${name}/acquire`, { holder, leaseMs: LEASE_MS }),
    ({ status }) => status === 200,
    PATIENCE_MS,
    200,
  );

test(
  'a lock has one holder, is taken over after a lease of silence, and the former holder changes nothing',
  async () => {
    const name = randomUUID();
    const { fencingToken } = bodyOf(await acquireWhenFree(name, 'a'));
    expect((await call('POST', `/locks/${name}/renew`, { holder: 'a', fencingToken })).status).toBe(200);
    const next = bodyOf(await acquireWhenFree(name, 'b'));
    expect(next.fencingToken).toBeGreaterThan(fencingToken);
    for (const verb of ['renew', 'release']) {
      const refused = await call('POST', `/locks/${name}/${verb}`, { holder: 'a', fencingToken });
      expect({ status: refused.status, holder: bodyOf(refused).holder }).toEqual({ status: 409, holder: 'b' });
    }
    const own = { holder: 'b', fencingToken: next.fencingToken };
    expect((await call('POST', `/locks/${name}/release`, own)).status).toBe(200);
    expect(bodyOf(await call('GET', `/locks/${name}`))).toMatchObject({
      holder: null,
      fencingToken: next.fencingToken,
    });
    expect(bodyOf(await acquireWhenFree(name, 'c')).fencingToken).toBeGreaterThan(next.fencingToken);
  },
  TEST_MS,
);

/** The lines that a process prints, one by one. */
const linesOf = (child: ChildProcess): (() => Promise<Record<string, unknown>>) => {
  if (child.stdout === null) throw new Error('The process has no output.');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('The process has ended.');
    return JSON.parse(value) as Record<string, unknown>;
  };
};

test(
  'a holder that is stopped for three leases is succeeded, and what it then writes is refused',
  async () => {
    const name = randomUUID();
    const tables = [place.table('ownership-election-locks'), place.table('ownership-election-resources')];
    const { awsEndpointUrl, region } = place.info;
    const env = {
      AWS_ENDPOINT_URL: awsEndpointUrl,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
    };
    const child = spawn(process.execPath, [HOLDER, ...tables, name, String(LEASE_MS)], {
      env: { PATH: process.env['PATH'], ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      const nextLine = linesOf(child);
      const { token } = await nextLine();
      child.kill('SIGSTOP');
      const stoppedMs = performance.now();
      const next = bodyOf(await acquireWhenFree(name, 'successor'));
      expect(next.fencingToken).toBeGreaterThan(Number(token));
      const written = { fencingToken: next.fencingToken, value: 'of the successor' };
      expect((await call('PUT', `/resources/${name}`, written)).status).toBe(200);
      await sleep(Math.max(0, stoppedMs + 3 * LEASE_MS - performance.now()));
      child.stdin?.write('too late\n');
      child.kill('SIGCONT');
      expect(await nextLine()).toEqual({ believed: false, outcome: { status: 'fenced', token: next.fencingToken } });
      expect(bodyOf(await call('GET', `/resources/${name}`))).toEqual(written);
    } finally {
      child.kill('SIGKILL');
      await exited;
    }
  },
  TEST_MS,
);

test(
  'a resource refuses a lower token than one seen',
  async () => {
    const route = `/resources/${randomUUID()}`;
    expect((await call('GET', route)).status).toBe(404);
    const statuses: number[] = [];
    for (const fencingToken of [5, 5, 4, 7, 6])
      statuses.push((await call('PUT', route, { fencingToken, value: { of: fencingToken } })).status);
    expect(statuses).toEqual([200, 200, 409, 200, 409]);
    expect(bodyOf(await call('GET', route))).toEqual({ fencingToken: 7, value: { of: 7 } });
  },
  TEST_MS,
);

test(
  'the leader is one of the scheduled functions, with its token',
  async () => {
    const leader = await call('GET', '/leader');
    expect(leader.status).toBe(200);
    expect(bodyOf(leader).holder).toContain('ownership-election-leader/');
    expect(bodyOf(await call('GET', '/leader')).fencingToken).toBe(bodyOf(leader).fencingToken);
  },
  TEST_MS,
);

test(
  'of additions at once none is lost',
  async () => {
    const route = `/counters/${randomUUID()}`;
    // Each under a key of its own, so that one whose answer did not come can be asked for again.
    const add = (key: string): Promise<HttpAnswer> =>
      until(
        () =>
          http('POST', `${place.info.apiUrl}/ownership${route}`, {
            body: { add: 1 },
            headers: { 'idempotency-key': key },
          }),
        ({ status }) => status === 200,
        PATIENCE_MS,
        500,
      );
    const answers = await Promise.all(Array.from({ length: 8 }, () => add(randomUUID())));
    expect(answers.map((answer) => Number(bodyOf(answer).value)).toSorted((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8,
    ]);
  },
  TEST_MS,
);
