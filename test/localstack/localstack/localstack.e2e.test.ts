import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isAlive, listens } from '../../support/processes.ts';
import { until } from '../../support/http.ts';

const COMMAND = path.resolve(import.meta.dirname, '../../../localstack/commands/localstack.ts');
const PATIENCE_MS = 30_000;

/**
 * A machine where `python3.13` is a script: `venv` and `pip install` make a Python that serves a health page, so that
 * the command is tried without LocalStack. `slow` never ends its pip.
 */
const makeMachine = async (slow = false) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'localstack-'));
  const bin = path.join(folder, 'bin');
  await mkdir(bin);
  const server = path.join(folder, 'server.mjs');
  await writeFile(
    server,
    `import { createServer } from 'node:http';
     createServer((_, res) => res.end(JSON.stringify({ version: '1.0', services: { sqs: 'running', s3: 'available' } })))
       .listen(Number(process.env.GATEWAY_PORT), process.env.BIND_HOST);
     process.on('SIGTERM', () => process.exit(0));`,
  );
  const python = path.join(bin, 'python3.13');
  await writeFile(
    python,
    `#!/bin/sh
case "$*" in
  --version) echo Python 3.13.0 ;;
  *venv\\ *) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
  *pip*) ${slow ? 'echo $$ > "$0.pid"; exec sleep 600' : 'echo installed'} ;;
  *) exec "${process.execPath}" "${server}" "$@" ;;
esac
`,
  );
  await chmod(python, 0o755);
  // A client whose engine does not answer.
  const docker = path.join(bin, 'docker');
  await writeFile(docker, '#!/bin/sh\n[ "$1" = --version ]\n');
  await chmod(docker, 0o755);
  const dir = path.join(folder, 'cache');
  const env = { PATH: `${bin}:/usr/bin:/bin`, PYTHON: python, HOME: folder, LOCALSTACK_HOST_DIR: dir };
  const start = (...args: string[]) => {
    const child = spawn(process.execPath, [COMMAND, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number, output }));
    return { child, ended, output: () => output };
  };
  return {
    dir,
    start,
    run: (...args: string[]) => start(...args).ended,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};

const withMachine = async (use: (machine: Awaited<ReturnType<typeof makeMachine>>) => Promise<void>, slow = false) => {
  const machine = await makeMachine(slow);
  try {
    await use(machine);
  } finally {
    for (const port of await readdir(path.join(machine.dir, 'run')).catch(() => []))
      await machine.run('down', '--port', port);
    await machine.remove();
  }
};

/** A port that is free now. */
const somePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
};

const pidOf = async (dir: string, port: number): Promise<number> => {
  const file = await readFile(path.join(dir, 'run', String(port), 'instance.json'), 'utf8');
  return (JSON.parse(file) as { pid: number }).pid;
};

test(
  'up installs once and starts, a second up finds it, status shows it, down ends it',
  () =>
    withMachine(async ({ dir, run }) => {
      const port = await somePort();
      const at = ['--port', String(port)];
      const first = await run('up', '--ministack', ...at);
      expect(first.output).toMatch(/Installing ministack-[\d.]+ in .*, once/);
      expect(first.output).toMatch(new RegExp(`ministack is up after [\\d.]+ s: http://127.0.0.1:${port}`));
      expect(first.code).toBe(0);
      const pid = await pidOf(dir, port);

      const second = await run('up', '--ministack', ...at);
      expect(second.output).toContain(`ministack is already up: http://127.0.0.1:${port}`);
      expect(second.code).toBe(0);
      expect(await pidOf(dir, port)).toBe(pid);

      const status = await run('status');
      expect(status.output).toContain(`ministack at http://127.0.0.1:${port}: up`);
      expect(status.output).toMatch(/services used +sqs\n/);
      expect(status.code).toBe(0);

      expect((await run('down')).output).toContain('is down after');
      expect(isAlive(pid)).toBe(false);
      expect(await listens(port)).toBe(false);
      expect(await run('status')).toEqual({ code: 1, output: 'Nothing is up.\n' });

      const third = await run('up', '--ministack', ...at);
      expect(third.output).not.toContain('Installing');
      expect(third.code).toBe(0);
    }),
  120_000,
);

test(
  'down exits with 0 when nothing is up',
  () =>
    withMachine(async ({ run }) => {
      expect(await run('down')).toEqual({ code: 0, output: 'Nothing is up.\n' });
    }),
  60_000,
);

test(
  'after kill -9 status says that it ended, and the next up starts a new one',
  () =>
    withMachine(async ({ dir, run }) => {
      const at = ['--port', String(await somePort())];
      await run('up', '--ministack', ...at);
      const pid = await pidOf(dir, Number(at[1]));
      process.kill(pid, 'SIGKILL');
      const status = await run('status');
      expect(status.output).toContain('ended by itself; down tidies up');
      expect(status.code).toBe(1);
      const again = await run('up', '--ministack', ...at);
      expect(again.output).toContain('was not stopped by down; removing what it left');
      expect(again.code).toBe(0);
      expect(await pidOf(dir, Number(at[1]))).not.toBe(pid);
    }),
  120_000,
);

test(
  'with several up, down asks which one is meant',
  () =>
    withMachine(async ({ run }) => {
      const ports = [await somePort(), await somePort()];
      for (const port of ports) await run('up', '--ministack', '--port', String(port));
      const answer = await run('down');
      expect(answer.output).toContain('Say which one is meant with --port');
      expect(answer.code).toBe(1);
      expect((await run('down', '--port', String(ports[0]))).code).toBe(0);
      expect(await listens(ports[0] ?? 0)).toBe(false);
      expect(await listens(ports[1] ?? 0)).toBe(true);
    }),
  120_000,
);

test(
  'a port that is taken is named, and nothing is left',
  () =>
    withMachine(async ({ dir, run }) => {
      const server = createServer((_, res) => res.end('{}')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      try {
        const answer = await run('up', '--ministack', '--port', String(port));
        expect(answer.output).toContain(`Port ${port} (--port) is not free`);
        expect(answer.code).toBe(1);
        expect(existsSync(dir)).toBe(false);
      } finally {
        server.close();
      }
    }),
  60_000,
);

test(
  'without an engine --docker is refused, and it is said what is missing',
  () =>
    withMachine(async ({ run }) => {
      const at = ['--port', String(await somePort())];
      const docker = await run('up', '--docker', ...at);
      expect(docker.output).toContain(
        'Expected a Docker engine for --docker, but no Docker engine answers (docker info).',
      );
      expect(docker.code).toBe(1);
    }),
  60_000,
);

test(
  'Ctrl-C during an install ends what it started, and the next up installs anew',
  () =>
    withMachine(async ({ dir, start }) => {
      const up = start('up', '--ministack', '--port', String(await somePort()));
      const pidFile = async (): Promise<number> => {
        const [partial] = await readdir(dir)
          .catch(() => [])
          .then((names) => names.filter((name) => name.includes('partial')));
        return Number(await readFile(path.join(dir, partial ?? '', 'venv/bin/python.pid'), 'utf8').catch(() => '0'));
      };
      const pip = await until(pidFile, (pid) => pid > 0, PATIENCE_MS);
      up.child.kill('SIGINT');
      const { code, output } = await up.ended;
      expect(output).toContain('Interrupted.');
      expect(code).toBe(130);
      expect(isAlive(pip)).toBe(false);
      expect((await readdir(dir)).filter((name) => name.startsWith('ministack'))).toEqual([]);
    }, true),
  60_000,
);
