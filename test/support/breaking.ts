import { http, until, type HttpAnswer } from './http.ts';
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

/** As a client does that wants an answer: comes again after a 5xx, an answer that got lost, and while the first one still runs. */
export const askPatiently = async (
  method: string,
  url: string,
  request: Parameters<typeof http>[2],
  patienceMs: number,
): Promise<HttpAnswer> => {
  const answer = await until(
    () => http(method, url, request).catch(() => undefined),
    (given) => given !== undefined && given.status < 500 && given.status !== 409,
    patienceMs,
    200,
  );
  if (answer === undefined) throw new Error('There was no answer.');
  return answer;
};
