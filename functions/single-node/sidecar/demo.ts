import { setTimeout as sleep } from 'node:timers/promises';
import { awsClients } from '#primitives/aws/clients';
import { awsTable } from '#primitives/aws/table';
import type { Table } from '#primitives/table';
import { callStack, patiently, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

interface Legacy {
  readonly answer: { readonly says?: string };
  readonly configVersion: number | null;
  readonly programVersion: string;
}

interface Usage {
  readonly program: { readonly pid: number; readonly memory: { readonly residentBytes: number } } | null;
}

const POLL_MS = 250;
/** Sidecars look once in SYNC_INTERVAL_MS, 10 s by default. */
const PATIENCE_MS = 120_000;
/** Longer than the default interval: a look has been in it. */
const LOOK_MS = 12_000;
const MIB = 1_048_576;

const legacy = (stack: DemoStack, signal: AbortSignal): Promise<Legacy> =>
  callStack<Legacy>(stack, 'GET', '/sidecar/legacy', { signal });
const usage = (stack: DemoStack, signal: AbortSignal): Promise<Usage> =>
  callStack<Usage>(stack, 'GET', '/sidecar/topz', { signal });

const put = async (stack: DemoStack, greeting: string, signal: AbortSignal): Promise<number> => {
  const body = { value: { greeting } };
  const path = '/sidecar/config/legacy';
  return (await callStack<{ version: number }>(stack, 'PUT', path, { admin: true, body, signal })).version;
};

const runsBy = async (stack: DemoStack, version: number, signal: AbortSignal): Promise<Legacy> => {
  const deadlineMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await legacy(stack, signal);
    if ((answer.configVersion ?? 0) >= version) return answer;
    if (performance.now() > deadlineMs)
      throw new Error(`The program does not run by version ${version}: ${JSON.stringify(answer)}`);
    await sleep(POLL_MS, undefined, { signal });
  }
};

/** Calls the program for a while: every configuration by which it answered. */
const watch = async (stack: DemoStack, ms: number, signal: AbortSignal): Promise<readonly string[]> => {
  const seen = new Set<string>();
  const endMs = performance.now() + ms;
  while (performance.now() < endMs) {
    const { answer, configVersion } = await legacy(stack, signal);
    seen.add(`${configVersion}: ${answer.says ?? ''}`);
    await sleep(POLL_MS, undefined, { signal });
  }
  return [...seen];
};

const withTable = async <T>(stack: DemoStack, use: (table: Table) => Promise<T>): Promise<T> => {
  const name = Object.keys(stack.tables).find((each) => each.endsWith('sidecar-config'));
  if (name === undefined) throw new Error('The stack has no table for configurations.');
  const clients = awsClients({ environment: { ...process.env, AWS_ENDPOINT_URL: stack.awsEndpointUrl } });
  try {
    return await use(awsTable({ name, clients }));
  } finally {
    await clients.close();
  }
};

const changes = async (stack: DemoStack, signal: AbortSignal): Promise<readonly Shown[]> => {
  await legacy(stack, signal);
  const before = await usage(stack, signal);
  const greeting = `Good day number ${Date.now() % 1_000_000}`;
  const answer = await runsBy(stack, await put(stack, greeting, signal), signal);
  const after = await usage(stack, signal);
  const bytes = after.program?.memory.residentBytes ?? 0;
  return [
    {
      what: 'a new configuration reaches the program',
      seen: answer.answer.says ?? '',
      held: answer.answer.says?.startsWith(greeting) === true,
    },
    {
      what: 'without a restart; topz knows the process',
      seen: `process ${after.program?.pid}, ${Math.round(bytes / MIB)} MiB`,
      held: after.program !== null && after.program.pid === before.program?.pid && bytes > 0,
    },
  ];
};

/** Past the API: an invalid version is written into the table by hand. */
const invalid = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const version = await put(stack, 'The last good one', signal);
  await runsBy(stack, version, signal);
  screen.say('  broken on purpose: an invalid version is written into the table, past the API');
  const key = { partition: 'config/legacy', sort: 'config' };
  await withTable(stack, (table) => table.put({ key, fields: { version: version + 1, value: { greeting: 7 } } }));
  const seen = await watch(stack, LOOK_MS, signal);
  const { configVersion } = await runsBy(stack, await put(stack, 'Mended', signal), signal);
  return [
    {
      what: 'an invalid version never reaches it',
      seen: seen.join('; '),
      held: seen.length === 1 && seen[0]?.startsWith(`${version}: `) === true,
    },
    { what: 'and the next good one does', seen: `version ${configVersion}`, held: configVersion === version + 2 },
  ];
};

const underFaults = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const before = await legacy(stack, signal);
  screen.say('  broken on purpose: the table of configurations answers with errors');
  const faults = [{ at: 'table/sidecar-config', kind: 'error' }];
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults }, signal });
  let seen: readonly string[];
  let fired: number;
  try {
    seen = await watch(stack, LOOK_MS, signal);
    const now = await callStack<{ faults: readonly { fired: number }[] }>(stack, 'GET', '/faults', { admin: true });
    fired = now.faults[0]?.fired ?? 0;
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
  screen.say('  broken on purpose: the functions are killed, and the program with them');
  const crash = [{ at: 'sidecar/http', kind: 'crash', times: 1 }];
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults: crash }, signal });
  try {
    // The functions may take longer to come back than a single call waits.
    const after = await patiently(() => legacy(stack, signal), { signal, patienceMs: PATIENCE_MS });
    return [
      {
        what: 'while the table fails the program goes on by the last good one',
        seen: `version ${before.configVersion}, ${fired} errors`,
        held: fired > 0 && seen.length === 1,
      },
      {
        what: 'killed with the functions, it is there again, by the same version',
        seen: `version ${after.configVersion}`,
        held: after.configVersion === before.configVersion,
      },
    ];
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

/** The sidecars of the legacy program, and what it costs to break them. */
export const sidecarDemo: Demo = {
  pattern: 'sidecar',
  run: async (stack, screen, signal) => [
    ...(await changes(stack, signal)),
    ...(await invalid(stack, screen, signal)),
    ...(await underFaults(stack, screen, signal)),
  ],
};
