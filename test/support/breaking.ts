import { http, until } from './http.ts';
import type { TestStack } from './stack.ts';

type Breakable = Pick<TestStack, 'info' | 'refresh'>;

/** Switches these faults on, and all others off. */
export const setFaults = async ({ info }: Breakable, faults: readonly object[]): Promise<void> => {
  const headers = { authorization: `Bearer ${info.adminToken}` };
  expect((await http('PUT', `${info.apiUrl}/faults`, { body: { faults }, headers })).status).toBe(200);
};

/** Ends the functions at once, and gives the process id that they had. */
export const killFunctions = async (stack: Breakable): Promise<number> => {
  const pid = (await stack.refresh())?.functionHostPid;
  // 0 would be this very process and its kin.
  if (typeof pid !== 'number' || pid === 0) throw new Error('There are no functions to kill.');
  process.kill(pid, 'SIGKILL');
  return pid;
};

/** Waits until there are functions again, in another process than this one. */
export const untilReplaced = async (stack: Breakable, pid: number, patienceMs: number): Promise<void> => {
  await until(
    async () => (await stack.refresh())?.functionHostPid,
    (now) => typeof now === 'number' && now !== pid,
    patienceMs,
  );
};
