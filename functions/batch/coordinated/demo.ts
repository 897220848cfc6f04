import { readdirSync, readFileSync } from 'node:fs';
import { join as joinPath, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { awsClients } from '#primitives/aws/clients';
import { awsObjects } from '#primitives/aws/objects';
import { callStack, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

const BRANCHES = 12;
const PATIENCE_MS = 400_000;
const POLL_MS = 500;
const MAX_TRIES = 60;
const MEDIA = resolve(import.meta.dirname, '../../../media/images');
/** Small ones and broken ones: a demo is not to take minutes. */
const PICTURES = /^(grey|square|one-|broken-(text|empty))/;

interface Settled {
  readonly status: string;
}

const settled = async <T extends Settled>(stack: DemoStack, path: string, signal: AbortSignal): Promise<T> => {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await callStack<T>(stack, 'GET', path, { signal });
    if (/^(fired|failed|done)$/.test(answer.status)) return answer;
    if (performance.now() > deadlineMs) throw new Error(`${path} has not ended within ${PATIENCE_MS / 1_000} s.`);
    await sleep(POLL_MS, undefined, { signal });
  }
};

const names = Array.from({ length: BRANCHES }, (_, index) => `branch-${index}`);

/** Comes again when it is not answered: arrivals, parts and closes may be repeated. */
const insist = async (stack: DemoStack, path: string, body: object = {}): Promise<void> => {
  for (let tries = 1; ; tries += 1) {
    try {
      await callStack(stack, 'POST', path, { body });
      return;
    } catch (error) {
      if (tries >= MAX_TRIES) throw error;
      await sleep(POLL_MS);
    }
  }
};
const arrive = (stack: DemoStack, joinId: string, name: string): Promise<void> =>
  insist(stack, `/coordinated/joins/${joinId}/arrivals/${name}`);

/** All branches twice, while answers get lost and the bus refuses. */
const join = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const { joinId } = await callStack<{ joinId: string }>(stack, 'POST', '/coordinated/joins', {
    body: { branches: names },
  });
  screen.say(
    '  broken on purpose: answers of the table get lost, transactions conflict, the bus refuses every second event',
  );
  const faults = [
    { at: 'table/coordinated-state', kind: 'lose-answer', rate: 0.1, seed: 1 },
    { at: 'table/coordinated-state', kind: 'conflict', rate: 0.1, seed: 2 },
    { at: 'bus', kind: 'error', rate: 0.5, seed: 3 },
  ];
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  let before = '';
  try {
    const [last = '', ...others] = names;
    await Promise.all([...others, ...others.toReversed()].map((name) => arrive(stack, joinId, name)));
    const waiting = await callStack<{ status: string; missing: readonly string[] }>(
      stack,
      'GET',
      `/coordinated/joins/${joinId}`,
    );
    before = `${waiting.status}, missing ${waiting.missing.join()}`;
    await Promise.all([arrive(stack, joinId, last), arrive(stack, joinId, last)]);
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
  const end = await settled<{ status: string; arrived: number }>(stack, `/coordinated/joins/${joinId}`, signal);
  return [
    {
      what: 'a join waits for the one that is missing, however often the others come',
      seen: before,
      held: before === `waiting, missing ${names[0]}`,
    },
    {
      what: 'and fires for all of them',
      seen: `${end.status}, ${end.arrived} of ${BRANCHES}`,
      held: end.status === 'fired' && end.arrived === BRANCHES,
    },
  ];
};

const deadline = async (stack: DemoStack, signal: AbortSignal): Promise<Shown> => {
  const body = { branches: ['in-time', 'too-late'], deadlineMs: 1_000 };
  const { joinId } = await callStack<{ joinId: string }>(stack, 'POST', '/coordinated/joins', { body });
  await arrive(stack, joinId, 'in-time');
  const end = await settled<{ status: string; missing: readonly string[] }>(
    stack,
    `/coordinated/joins/${joinId}`,
    signal,
  );
  await arrive(stack, joinId, 'too-late');
  const after = await callStack<{ status: string; late: readonly string[] }>(
    stack,
    'GET',
    `/coordinated/joins/${joinId}`,
  );
  return {
    what: 'a deadline fails a join for good, and a late one is recorded as late',
    seen: `${end.status} without ${end.missing.join()}; then ${after.status}, late ${after.late.join()}`,
    held: end.status === 'failed' && after.status === 'failed' && after.late.join() === 'too-late',
  };
};

const reduce = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<Shown> => {
  const body = { kind: 'sum', open: true, fanIn: 2 };
  const { reductionId } = await callStack<{ reductionId: string }>(stack, 'POST', '/coordinated/reductions', { body });
  const path = `/coordinated/reductions/${reductionId}`;
  screen.say('  broken on purpose: a function that reduces is killed, answers get lost; parts overlap');
  const faults = [
    { at: 'coordinated/reductions', kind: 'crash', times: 1 },
    { at: 'table/coordinated-state', kind: 'lose-answer', rate: 0.05, seed: 4 },
  ];
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  try {
    for (let part = 0; part < 6; part += 1) {
      const items = Array.from({ length: 150 }, (_, at) => ({ id: `${part * 100 + at}`, value: 0.1 }));
      await insist(stack, `${path}/items`, { items });
    }
    await insist(stack, `${path}/close`);
    const { items, result } = await settled<{ status: string; items: number; result: number }>(stack, path, signal);
    return {
      what: '900 values of which 650 are distinct come to the exact sum',
      seen: `${items} items, ${result}`,
      held: items === 650 && result === 65,
    };
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

const pictures = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const bucketName = Object.keys(stack.buckets).find((name) => name.endsWith('coordinated-media')) ?? '';
  const clients = awsClients({ environment: { ...process.env, AWS_ENDPOINT_URL: stack.awsEndpointUrl } });
  const bucket = awsObjects({ name: bucketName, clients });
  const prefix = `demo-${Date.now().toString(36)}/`;
  const files = readdirSync(MEDIA).filter((file) => PICTURES.test(file));
  for (const file of files) await bucket.put(`${prefix}${file}`, readFileSync(joinPath(MEDIA, file)));
  const body = { source: { prefix } };
  const { imagesId } = await callStack<{ imagesId: string }>(stack, 'POST', '/coordinated/images', { body });
  const bar = screen.progress('images', files.length);
  const deadlineMs = performance.now() + PATIENCE_MS;
  interface View extends Settled {
    readonly done: number;
    readonly failed: readonly { readonly key: string; readonly reason: string }[];
    readonly report?: Readonly<Record<string, number>>;
  }
  let view: View;
  do {
    view = await callStack<View>(stack, 'GET', `/coordinated/images/${imagesId}`, { signal });
    bar.update(view.done + view.failed.length);
    if (performance.now() > deadlineMs) throw new Error('The images are not through.');
    await sleep(POLL_MS, undefined, { signal });
  } while (view.status !== 'done' && view.status !== 'failed');
  bar.stop();
  const { objects } = await bucket.list({ prefix });
  await clients.close();
  const broken = files.filter((file) => file.startsWith('broken')).map((file) => `${prefix}${file}`);
  const colours = Object.entries(view.report ?? {}).map(([colour, count]) => `${count} ${colour}`);
  return [
    {
      what: 'images are tagged, blurred, shrunk, and reduced to a report of their colours',
      seen: colours.join(', '),
      held: view.status === 'done' && view.done === files.length - broken.length,
    },
    {
      what: 'originals are gone, but for those of which a step has failed',
      seen: `${objects.length} left`,
      held: objects.map(({ key }) => key).join() === broken.toSorted().join(),
    },
  ];
};

export const coordinatedDemo: Demo = Object.freeze({
  pattern: 'coordinated',
  run: async (stack, screen, signal) => [
    ...(await join(stack, screen, signal)),
    await deadline(stack, signal),
    await reduce(stack, screen, signal),
    ...(await pictures(stack, screen, signal)),
  ],
} satisfies Demo);
