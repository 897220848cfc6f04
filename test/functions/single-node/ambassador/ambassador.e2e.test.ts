import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { killFunctions } from '../../../support/breaking.ts';
import { http, until } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';
import { ambassador, startService, type TestService } from './services.ts';

let service: TestService;
let shadow: TestService;
let stack: TestStack;
/** A second function host, with its own table of nothing: it works on the primitives of the first. */
let second: TestStack;
beforeAll(async () => {
  service = await startService();
  shadow = await startService();
  const env = { VISIBILITY_TIMEOUT_S: '30', AMBASSADOR_LOCAL_TARGETS: `${service.host},${shadow.host}` };
  stack = await startTestStack({ env });
  second = await startTestStack({
    env: { ...env, AWS_ENDPOINT_URL: stack.info.awsEndpointUrl },
  });
}, 300_000);
afterAll(async () => {
  await second?.stop();
  await stack?.stop();
  await service?.close();
  await shadow?.close();
}, 90_000);

const TEST_MS = 180_000;
const calls = async (): Promise<Record<string, number>> =>
  (await http('GET', `${stack.info.awsEndpointUrl}/_stack/calls`)).json as Record<string, number>;
const admin = () => ({ authorization: `Bearer ${stack.info.adminToken}` });
const fresh = (): string => `s-${randomUUID().slice(0, 8)}`;

test(
  'a POST without an idempotency-key is never sent twice: not when the answer is lost, late, or an error',
  async () => {
    const { ask, put } = ambassador(stack.info);
    const name = fresh();
    await put(`/services/${name}`, { target: service.url, timeoutMs: 2_000 });
    const ends: Parameters<TestService['behave']>[0][] = [
      (_, response) => response.destroy(),
      () => undefined,
      (_, response) => response.writeHead(503).end(),
      (_, response) => response.writeHead(502, { 'retry-after': '1' }).end(),
    ];
    const statuses: number[] = [];
    for (const [at, end] of ends.entries()) {
      service.behave(end);
      const body = `once-${at}-${name}`;
      statuses.push(
        (await ask('POST', `/broker/${name}/pay`, { body, headers: { 'content-type': 'text/plain' } })).status,
      );
      await sleep(300);
      expect(service.seen.filter((one) => one.body === body)).toHaveLength(1);
    }
    expect(statuses).toEqual([502, 504, 503, 502]);
    service.behave(undefined);
  },
  TEST_MS,
);

test(
  'a healthy path writes nothing and reads once a second',
  async () => {
    const { ask, put } = ambassador(stack.info);
    const name = fresh();
    await put(`/services/${name}`, { target: service.url });
    await ask('GET', `/broker/${name}/warm`);
    let [seconds, counts, writes]: [number, Record<string, number>, readonly string[]] = [0, {}, ['none yet']];
    // A schedule of another pattern writes once a minute: not in two such windows, one after the other.
    for (let window = 0; window < 2 && writes.length > 0; window += 1) {
      await http('DELETE', `${stack.info.awsEndpointUrl}/_stack/calls`, { headers: admin() });
      const startedMs = performance.now();
      for (let n = 0; n < 100; n += 1) expect((await ask('GET', `/broker/${name}/${n}`)).status).toBe(200);
      seconds = Math.ceil((performance.now() - startedMs) / 1_000) + 1;
      counts = await calls();
      writes = Object.keys(counts).filter((call) => /^dynamodb\.(Put|Update|Delete|Transact|Batch)/.test(call));
    }
    expect(writes).toEqual([]);
    // The service once a second and the breaker once in two, in each worker that was there.
    expect(counts['dynamodb.GetItem'] ?? 0).toBeLessThanOrEqual(seconds * 2 * 3);
  },
  TEST_MS,
);

test(
  'two hosts leave a service that is down alone together: a fifth more calls at most, then one probe an interval',
  async () => {
    const hosts = [ambassador(stack.info), ambassador(second.info)];
    const name = fresh();
    await hosts[0]?.put(`/services/${name}`, { target: service.url, timeoutMs: 1_000 });
    service.behave((_, response) => response.writeHead(500).end());
    service.seen.splice(0);
    let offered = 0;
    const stateOf = async (host: (typeof hosts)[number]): Promise<unknown> =>
      ((await host.ask('GET', `/breakers/${name}`)).json as { state: string }).state;
    const step = async (): Promise<number[]> => {
      offered += hosts.length;
      return (await Promise.all(hosts.map(({ ask }) => ask('GET', `/broker/${name}/x`)))).map(({ status }) => status);
    };
    for (let n = 0; n < 100 && (await step()).some((status) => status !== 503); n += 1) await sleep(20);
    expect(service.seen.length).toBeLessThanOrEqual(offered * 1.2);
    expect(await Promise.all(hosts.map(stateOf))).not.toContain('closed');
    const openedAt = service.seen.length;
    for (const endMs = performance.now() + 14_000; performance.now() < endMs; await sleep(50)) await step();
    const probes = service.seen.slice(openedAt).map(({ atMs }) => atMs);
    expect(probes.length).toBeGreaterThan(0);
    // As they arrived, which may be late. Two hosts that each probed by themselves would be far below.
    for (const [at, time] of probes.slice(1).entries()) expect(time - (probes[at] ?? 0)).toBeGreaterThan(3_500);
    service.behave(undefined);
    await until(step, (statuses) => statuses.every((status) => status === 200), 60_000, 200);
    expect(await Promise.all(hosts.map(stateOf))).toEqual(['closed', 'closed']);
  },
  TEST_MS,
);

test(
  'a user gets the same variant by both hosts, and after a host was killed',
  async () => {
    const hosts = [ambassador(stack.info), ambassador(second.info)];
    const [one, other] = [fresh(), fresh()];
    const name = fresh();
    for (const each of [one, other]) await hosts[0]?.put(`/services/${each}`, { target: service.url });
    const variants = [
      { service: one, weight: 50 },
      { service: other, weight: 50 },
    ];
    await hosts[0]?.put(`/experiments/${name}`, { variants, stickyBy: 'cookie:user' });
    const variantsOf = async (host: (typeof hosts)[number] | undefined): Promise<unknown[]> => {
      const found = [];
      for (let user = 0; user < 25; user += 1) {
        const cookie = `a=b; user=u${user}`;
        const answer = await until(
          async () => host?.ask('GET', `/split/${name}/x`, { headers: { cookie } }),
          (got) => got?.status === 200,
          60_000,
          200,
        );
        found.push(answer?.headers.get('x-variant'));
      }
      return found;
    };
    const before = await variantsOf(hosts[0]);
    expect(new Set(before)).toEqual(new Set([one, other]));
    expect(await variantsOf(hosts[1])).toEqual(before);
    await killFunctions(second);
    expect(await variantsOf(hosts[1])).toEqual(before);
  },
  TEST_MS,
);

test(
  'a shadow gets a copy, and whether it hangs or not the client sees the same bytes',
  async () => {
    const { ask, put } = ambassador(stack.info);
    const [own, dark, plain, shadowed] = [fresh(), fresh(), fresh(), fresh()];
    await put(`/services/${own}`, { target: service.url });
    await put(`/services/${dark}`, { target: shadow.url, timeoutMs: 2_000 });
    await put(`/experiments/${plain}`, { variants: [{ service: own, weight: 1 }] });
    await put(`/experiments/${shadowed}`, { variants: [{ service: own, weight: 1 }], shadow: dark });
    service.behave(({ body, url }, response) => response.writeHead(201, { 'x-mine': '1' }).end(`${url}:${body}`));
    shadow.behave(() => undefined);
    shadow.seen.splice(0);
    const send = async (experiment: string, n: number) => {
      const headers = { 'content-type': 'text/plain' };
      const startedMs = performance.now();
      const { status, text } = await ask('POST', `/split/${experiment}/p/${n}?q=1`, { body: `body ${n}`, headers });
      return { tookMs: performance.now() - startedMs, status, text };
    };
    const took: Record<string, number[]> = { plain: [], shadowed: [] };
    // The first ones start what sends the copies.
    const warmUpCount = 20;
    for (let n = 0; n < 200 + warmUpCount; n += 1) {
      const [without, beside] = [await send(plain, n), await send(shadowed, n)];
      expect([beside.status, beside.text]).toEqual([without.status, without.text]);
      if (n < warmUpCount) continue;
      took['plain']?.push(without.tookMs);
      took['shadowed']?.push(beside.tookMs);
    }
    // Printed for the README, not asserted: a machine that is busy says nothing of the ambassador.
    const at = (times: number[] = [], share: number): string =>
      (times.toSorted((a, b) => a - b)[Math.floor(times.length * share)] ?? 0).toFixed(1);
    console.info(
      `p50 ${at(took['plain'], 0.5)} → ${at(took['shadowed'], 0.5)} ms, p99 ${at(took['plain'], 0.99)} → ${at(took['shadowed'], 0.99)} ms with a shadow that hangs`,
    );
    const [copy] = await until(
      async () => shadow.seen,
      (seen) => seen.length > 0,
      60_000,
      200,
    );
    expect(copy).toMatchObject({ method: 'POST', headers: { 'x-shadow': 'true' } });
    expect(copy?.url).toMatch(/^\/p\/\d+\?q=1$/);
    expect(copy?.body).toMatch(/^body \d+$/);
    service.behave(undefined);
    shadow.behave(undefined);
  },
  TEST_MS,
);

test(
  'a variant that the fault switches break is rolled back, and everybody gets the other one',
  async () => {
    const { ask, put } = ambassador(stack.info);
    for (const each of ['stable', 'canary'])
      await put(`/services/${each}`, { target: `${stack.info.apiUrl}/ambassador-${each}` });
    const name = fresh();
    const variants = [
      { service: 'stable', weight: 50 },
      { service: 'canary', weight: 50 },
    ];
    await put(`/experiments/${name}`, { variants, rollback: { errorRate: 0.2, minRequests: 10 } });
    const faults = [{ at: 'ambassador/canary', kind: 'error' }];
    await http('PUT', `${stack.info.apiUrl}/faults`, { headers: admin(), body: { faults } });
    try {
      const report = await until(
        async () => {
          await ask('GET', `/split/${name}/x`);
          return (await ask('GET', `/experiments/${name}`)).json as { rolledBack: string[] };
        },
        ({ rolledBack }) => rolledBack.length > 0,
        90_000,
        20,
      );
      expect(report.rolledBack).toEqual(['canary']);
      await sleep(1_500);
      for (let n = 0; n < 30; n += 1) {
        const answer = await ask('GET', `/split/${name}/x`);
        expect([answer.status, answer.headers.get('x-variant')]).toEqual([200, 'stable']);
      }
    } finally {
      await http('DELETE', `${stack.info.apiUrl}/faults`, { headers: admin() });
    }
  },
  TEST_MS,
);
