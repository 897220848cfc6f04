import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { runCli } from '../../../lib/cli/cli.ts';
import { readOptions, type CliOptions } from '../../../lib/cli/options.ts';
import { sidecarCommands } from '../../../lib/cli/sidecars.ts';

const run = async (...args: readonly string[]) => {
  const out: string[] = [];
  const error: string[] = [];
  const code = await runCli(args, {
    out: (line) => void out.push(line),
    error: (line) => void error.push(line),
    version: '1.2.3',
    env: {},
    clock: memoryClock(),
    random: seededRandom(1),
    signal: new AbortController().signal,
  });
  return { code, out: out.join('\n'), error: error.join('\n') };
};

test('help and version are told on the output, with 0', async () => {
  for (const flag of ['--help', '-h']) {
    expect(await run(flag)).toMatchObject({
      code: 0,
      error: '',
      out: expect.stringMatching(/^Usage: distributed-patterns/),
    });
  }
  expect(await run('-v')).toEqual({ code: 0, error: '', out: '1.2.3' });
});

test.each([
  [[], "expected a command or an option, got none; try 'distributed-patterns --help'"],
  [['dance'], "unknown command 'dance'"],
  [['--dance'], "unknown option '--dance'"],
  [['--help', 'me'], 'expected one argument, got 2'],
  [['sidecar'], 'distributed-patterns sidecar: expected one of '],
  [['sidecar', 'nobody'], "got 'nobody'"],
  [['sidecar', 'constructor'], "got 'constructor'"],
  [['sidecar', 'topz', '--pod', '1'], "Unknown option '--pod'; options are --pid, --host, --port"],
  [['sidecar', 'topz', 'please'], 'Unexpected argument'],
  [['sidecar', 'topz'], 'Expected \'--pid\' to be given, got "nothing"'],
  [['sidecar', 'topz', '--pid'], "Option '--pid <value>' argument missing"],
  [['sidecar', 'topz', '--pid', '-1'], '--pid'],
  [['sidecar', 'topz', '--pid', '0'], "Expected '--pid' to be an integer from 1 to 4194304, got 0"],
  [['sidecar', 'topz', '--pid', '1e3'], 'Expected \'--pid\' to be an integer from 1 to 4194304, got "1e3"'],
  [['sidecar', 'topz', '--pid', '1', '--pid', '2'], "Expected '--pid' to be given once, got an array of 2"],
  [['sidecar', 'topz', '--pid', '1', '--host', '10.0.0.1'], "Expected 'listen.host' to be a loopback address"],
  [['sidecar', 'topz', '--pid', '1', '--log-level', 'loud'], "Expected 'level' to be one of debug, info, warn, error"],
  [['sidecar', 'tls', '--target-port', '80'], "Expected '--cert' to be given"],
  [
    ['sidecar', 'tls', '--cert', 'a', '--target-port', '80'],
    "Expected '--key' to be given as often as --cert (1), got 0",
  ],
  [['sidecar', 'tls', '--cert', 'a', '--key', 'b'], "Expected '--target-port' to be given"],
  [
    ['sidecar', 'tls', '--cert', 'a', '--key', 'b', '--target-port', '80', '--target-host', '10.0.0.1'],
    "'target.host'",
  ],
])('%j is refused with 2, and told what would be right', async (args, message) => {
  const { code, out, error } = await run(...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(error).toContain(message);
  expect(error).toMatch(/--help|expected one of/);
});

test.each(['https://u:s3cret@h/x', 'ssh://u:s3cret@h/x'])(
  '--repository %s is refused and not printed',
  async (address) => {
    const place = ['--root', '/nowhere', '--command', 'true'];
    const { code, out, error } = await run('sidecar', 'git-sync', '--repository', address, ...place);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(error).toContain("Expected 'repository' to be an http, https or ssh address without a password");
    expect(error).not.toContain('s3cret');
  },
);

test('every sidecar is listed, and tells its options with their ranges and defaults', async () => {
  const { out: list } = await run('sidecar', '--help');
  expect(Object.keys(sidecarCommands)).toEqual(expect.arrayContaining(['tls', 'topz']));
  for (const [name, command] of Object.entries(sidecarCommands)) {
    expect(list).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
    for (const flag of ['--help', '-h']) {
      const { code, out } = await run('sidecar', name, flag);
      expect(code).toBe(0);
      for (const option of Object.keys(command.options)) expect(out).toMatch(new RegExp(`^  --${option}\\b`, 'm'));
      expect(out).toContain(`Usage: distributed-patterns sidecar ${name}`);
      for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
    }
  }
});

test('a sidecar that does not start ends with 1, and says why on the error output', async () => {
  const { code, out, error } = await run('sidecar', 'tls', '--cert', 'no', '--key', 'no', '--target-port', '80');
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(error).toContain('no cannot be read');
});

const options: CliOptions = {
  file: { kind: 'text', value: 'FILE', many: true, help: 'files' },
  name: { kind: 'text', value: 'NAME', default: 'x', help: 'a name' },
  count: { kind: 'integer', min: 0, max: 10, default: 3, help: 'how many' },
  loud: { kind: 'flag', help: 'loud' },
};

test('options are read as they are given, else by their defaults', () => {
  const none = readOptions([], options);
  expect([none.text('name'), none.integer('count'), none.flag('loud'), none.texts('file'), none.has('name')]).toEqual([
    'x',
    3,
    false,
    [],
    false,
  ]);
  const some = readOptions(['--file', 'a', '--file=b', '--loud', '--count=10', '--name', 'y'], options);
  expect([some.text('name'), some.integer('count'), some.flag('loud'), some.texts('file')]).toEqual([
    'y',
    10,
    true,
    ['a', 'b'],
  ]);
  expect(() => readOptions(['--name='], options).text('name')).toThrow("Expected '--name' to be given");
  expect(() => readOptions(['--loud=yes'], options)).toThrow(/does not take an argument/);
});
