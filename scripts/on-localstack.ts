/**
 * What CI shows on LocalStack: brings it up without Docker on a free port, deploys the service, runs the end-to-end
 * tests of every place against it, the parity rows that are recorded to hold there, and the tests of what runs functions
 * there as Lambda does. Ends with 1 when one of these fails. Where Python, a JDK or Maven is missing it says loudly that nothing of this was run, and ends with 0.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../localstack/free-port.ts';
import { missingTool } from '../localstack/localstack/tools.ts';
import { runLimited, seconds, signalOfInterrupt } from './run-limited.ts';

const MINUTE_MS = 60_000;
const signal = signalOfInterrupt();

interface Step {
  readonly what: string;
  readonly npm: readonly string[];
  readonly limitMs: number;
}

const runStep = async ({ what, npm, limitMs }: Step, env: NodeJS.ProcessEnv): Promise<boolean> => {
  const command = ['npm', 'run', '--silent', ...npm] as const;
  const { end, exitCode, tookMs } = await runLimited({ command, limitMs, env, output: 'show', signal });
  const went = end === 'exited' && exitCode === 0;
  const how = end === 'exited' ? `exit code ${exitCode}` : `${end}, limit ${seconds(limitMs)}`;
  console.log(`LOCALSTACK ${went ? 'ok    ' : 'FAILED'} ${what} (${seconds(tookMs)}${went ? '' : `, ${how}`})`);
  return went;
};

const main = async (): Promise<number> => {
  const missing = await missingTool(process.env, signal);
  if (missing !== undefined) {
    console.error(`NOT RUN ON LOCALSTACK: no deployment, no test:local, no parity rows there. ${missing}`);
    return 0;
  }
  const port = String(await freePort());
  const endpoint = `http://127.0.0.1:${port}`;
  const stackDir = await mkdtemp(path.join(tmpdir(), 'on-localstack-'));
  const env = { ...process.env, STACK_DIR: stackDir, AWS_ENDPOINT_URL: endpoint };
  // What runs there must not be taken for the embedded place's own endpoint.
  const { AWS_ENDPOINT_URL: _, ...apart } = env;
  const steps: readonly (readonly [Step, NodeJS.ProcessEnv])[] = [
    [{ what: 'up', npm: ['localstack', '--', 'up', '--host', '--port', port], limitMs: 25 * MINUTE_MS }, apart],
    [{ what: 'deploy:local', npm: ['deploy:local'], limitMs: 6 * MINUTE_MS }, env],
    [{ what: 'test:local', npm: ['test:local'], limitMs: 20 * MINUTE_MS }, env],
    [{ what: 'remove:local', npm: ['remove:local'], limitMs: 5 * MINUTE_MS }, env],
    [{ what: 'parity rows', npm: ['parity', '--', 'localstack', endpoint, '--check'], limitMs: 25 * MINUTE_MS }, apart],
  ];
  let isWell = true;
  try {
    for (const [step, environment] of steps) {
      if (signal.aborted) return 1;
      const went = await runStep(step, environment);
      isWell &&= went;
      if (!went && step.what === 'up') return 1;
    }
    const own = ['test', '--', '--selectProjects', 'localstack'];
    isWell = (await runStep({ what: 'functions as processes', npm: own, limitMs: 10 * MINUTE_MS }, apart)) && isWell;
  } finally {
    const down = { what: 'down', npm: ['localstack', '--', 'down', '--port', port], limitMs: MINUTE_MS };
    isWell = (await runStep(down, apart)) && isWell;
    await rm(stackDir, { recursive: true, force: true });
  }
  return isWell ? 0 : 1;
};

process.exitCode = await main();
