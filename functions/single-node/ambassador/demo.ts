import { setTimeout as sleep } from 'node:timers/promises';
import { callStack, type Demo, type DemoStack, type Shown } from '../../demo.ts';

interface Report {
  readonly rolledBack: readonly string[];
  readonly counts: Readonly<Record<string, { readonly requests: number; readonly errors: number }>>;
}

interface Answered {
  readonly status: number;
  readonly variant: string | null;
  readonly text: string;
  readonly tookMs: number;
}

const USERS = 60;
const PATIENCE_MS = 60_000;
const TIMEOUT_MS = 30_000;

const put = (stack: DemoStack, path: string, body: object): Promise<unknown> =>
  callStack(stack, 'PUT', path, { admin: true, body });

/** One request as a client sends it, whatever comes of it. */
const ask = async (stack: DemoStack, path: string, user = '', method = 'GET'): Promise<Answered> => {
  const startedMs = performance.now();
  const response = await fetch(`${stack.apiUrl}/ambassador${path}`, {
    method,
    headers: { 'x-user': user },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  return {
    status: response.status,
    variant: response.headers.get('x-variant'),
    text,
    tookMs: performance.now() - startedMs,
  };
};

const broken = async <T>(stack: DemoStack, faults: readonly object[], work: () => Promise<T>): Promise<T> => {
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  try {
    return await work();
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

const firedOf = async (stack: DemoStack): Promise<number> => {
  const { faults } = await callStack<{ faults: readonly { fired: number }[] }>(stack, 'GET', '/faults', {
    admin: true,
  });
  return faults.reduce((sum, { fired }) => sum + fired, 0);
};

const sticky = async (stack: DemoStack): Promise<readonly Shown[]> => {
  const users = Array.from({ length: USERS }, (_, at) => `user-${at}`);
  const variantsOf = async (): Promise<readonly (string | null)[]> => {
    const found = [];
    for (const user of users) found.push((await ask(stack, '/split/demo/x', user)).variant);
    return found;
  };
  const [first, again] = [await variantsOf(), await variantsOf()];
  const canary = first.filter((variant) => variant === 'canary').length;
  return [
    {
      what: 'a user stays with his variant; about a quarter have the canary',
      seen: `${first.filter((variant, at) => variant === again[at]).length} of ${USERS} stay, ${canary} have it`,
      held: first.every((variant, at) => variant === again[at]) && canary > 3 && canary < USERS / 2,
    },
  ];
};

const shadowed = async (stack: DemoStack): Promise<readonly Shown[]> => {
  const variants = [{ service: 'stable', weight: 1 }];
  await put(stack, '/ambassador/experiments/demo-shadow', { variants, shadow: 'canary' });
  const plain = await ask(stack, '/broker/stable/same');
  const times: number[] = [];
  const same = await broken(stack, [{ at: 'ambassador/canary', kind: 'hang', ms: 20_000 }], async () => {
    const texts: boolean[] = [];
    for (let n = 0; n < 20; n += 1) {
      const { status, text, tookMs } = await ask(stack, '/split/demo-shadow/same');
      times.push(tookMs);
      // How long the service is waited for differs from request to request.
      const bare = (whole: string): string => whole.replace(/"deadlineMs":\d+/, '');
      texts.push(status === 200 && bare(text) === bare(plain.text));
    }
    return texts;
  });
  return [
    {
      what: 'a shadow that hangs delays nobody, and changes no answer',
      seen: `${same.filter(Boolean).length} of ${same.length} the same, the slowest in ${Math.round(Math.max(...times))} ms`,
      held: same.every(Boolean) && Math.max(...times) < 5_000,
    },
  ];
};

const leftAlone = async (stack: DemoStack, signal: AbortSignal): Promise<readonly Shown[]> => {
  // Under a name of its own, since what went well before counts as well.
  await put(stack, '/ambassador/services/demo-down', { target: `${stack.apiUrl}/ambassador-stable`, timeoutMs: 3_000 });
  const { offered, called, refused } = await broken(stack, [{ at: 'ambassador/stable', kind: 'error' }], async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 100; n += 1) statuses.push((await ask(stack, '/broker/demo-down/x')).status);
    return {
      offered: statuses.length,
      called: await firedOf(stack),
      refused: statuses.filter((status) => status === 503).length,
    };
  });
  const startedMs = performance.now();
  let status = 0;
  while (status !== 200 && performance.now() - startedMs < PATIENCE_MS) {
    await sleep(200, undefined, { signal });
    ({ status } = await ask(stack, '/broker/demo-down/x'));
  }
  return [
    {
      what: 'a service that is down is left alone',
      seen: `${called} calls for ${offered} requests, ${refused} refused at once`,
      held: called <= offered * 1.2 && refused > 0,
    },
    {
      what: 'and found again when it is well',
      seen: `after ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`,
      held: status === 200,
    },
  ];
};

const sentOnce = async (stack: DemoStack): Promise<readonly Shown[]> => {
  const faults = [{ at: 'ambassador/canary', kind: 'lose-answer' }];
  const { statuses, called } = await broken(stack, faults, async () => {
    const found: number[] = [];
    for (let n = 0; n < 5; n += 1) found.push((await ask(stack, '/broker/canary/pay', '', 'POST')).status);
    return { statuses: found, called: await firedOf(stack) };
  });
  return [
    {
      what: 'a POST without a key is sent once, although its answers are lost',
      seen: `${called} calls for ${statuses.length} requests, answered with ${[...new Set(statuses)].join(', ')}`,
      held: called === statuses.length,
    },
  ];
};

const rolledBack = async (stack: DemoStack): Promise<readonly Shown[]> => {
  const path = '/ambassador/experiments/demo-rollback';
  const variants = ['stable', 'canary'].map((service) => ({ service, weight: 1 }));
  await put(stack, path, { variants, rollback: { errorRate: 0.2, minRequests: 10 } });
  const report = await broken(stack, [{ at: 'ambassador/canary', kind: 'error' }], async () => {
    let now = await callStack<Report>(stack, 'GET', path);
    for (let n = 0; n < 200 && now.rolledBack.length === 0; n += 1) {
      await ask(stack, '/split/demo-rollback/x');
      if (n % 10 === 9) now = await callStack<Report>(stack, 'GET', path);
    }
    return now;
  });
  const { requests = 0, errors = 0 } = report.counts['canary'] ?? {};
  return [
    {
      what: 'a variant with errors is rolled back',
      seen: `${report.rolledBack.join(', ') || 'nothing'}, after ${errors} errors of ${requests}`,
      held: report.rolledBack.length === 1 && report.rolledBack[0] === 'canary',
    },
  ];
};

export const ambassadorDemo: Demo = Object.freeze({
  pattern: 'ambassador',
  run: async (stack, screen, signal) => {
    screen.say('  two services, stable and canary, behind one address; what they suffer is done by the fault switches');
    for (const service of ['stable', 'canary']) {
      const target = `${stack.apiUrl}/ambassador-${service}`;
      await put(stack, `/ambassador/services/${service}`, { target, healthPath: '/health', timeoutMs: 3_000 });
    }
    const variants = [
      { service: 'stable', weight: 75 },
      { service: 'canary', weight: 25 },
    ];
    await put(stack, '/ambassador/experiments/demo', { variants, stickyBy: 'header:x-user' });
    const split = await sticky(stack);
    screen.say('  broken on purpose: the answers of the canary are lost');
    const once = await sentOnce(stack);
    screen.say('  broken on purpose: each call of the canary fails, and it is a variant of an experiment');
    const stopped = await rolledBack(stack);
    screen.say('  broken on purpose: each call of the stable service fails');
    const alone = await leftAlone(stack, signal);
    // The last: its copies are sent to the canary when everything here is over.
    screen.say('  broken on purpose: the canary hangs, and it is the shadow of an experiment');
    return [...split, ...once, ...stopped, ...alone, ...(await shadowed(stack))];
  },
} satisfies Demo);
