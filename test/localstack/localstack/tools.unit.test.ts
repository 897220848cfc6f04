import {
  findDocker,
  findJava,
  findMaven,
  findPython,
  toolSources,
  type ToolSources,
} from '../../../localstack/localstack/tools.ts';

interface Machine {
  /** What a program says of its version; absent: it is not there. */
  readonly says?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
  readonly pyenv?: readonly string[];
}

const machine = ({ says = {}, env = {}, pyenv = [] }: Machine): ToolSources => ({
  env,
  pyenvVersions: () => pyenv,
  ask: async ([program, ...args]) => says[[program, ...args].join(' ')] ?? says[program],
});

describe('Python', () => {
  test('of several the newest name on the PATH that is new enough is taken', async () => {
    const says = { 'python3.14': 'Python 3.14.1', 'python3.13': 'Python 3.13.0', python3: 'Python 3.11.7' };
    expect(await findPython(machine({ says }))).toBe('python3.14');
    expect(await findPython(machine({ says: { python3: 'Python 3.13.2' } }))).toBe('python3');
  });

  test("pyenv's are found, of the versions that are new enough", async () => {
    const pyenv = ['/p/3.12.1', '/p/3.13.0', '/p/3.9.18'];
    const says = { '/p/3.13.0/bin/python': 'Python 3.13.0', '/p/3.12.1/bin/python': 'Python 3.12.1' };
    expect(await findPython(machine({ says, pyenv }))).toBe('/p/3.13.0/bin/python');
  });

  test('PYTHON is taken before all others, and refused when it is too old', async () => {
    const says = { '/my/python': 'Python 3.13.1', '/old/python': 'Python 3.12.1', 'python3.13': 'Python 3.13.0' };
    expect(await findPython(machine({ says, env: { PYTHON: '/my/python' } }))).toBe('/my/python');
    await expect(findPython(machine({ says, env: { PYTHON: '/old/python' } }))).rejects.toThrow(
      'Expected Python 3.13 or newer, got /old/python is 3.12 (looked for /old/python).',
    );
  });

  test('where there is none, the error says what was looked for, what was found and how to get one', async () => {
    await expect(findPython(machine({ says: { python3: 'Python 3.11.7' } }))).rejects.toThrow(
      'Expected Python 3.13 or newer, got python3 is 3.11 (looked for python3.14, python3.13, python3). ' +
        'Install one (python.org, `pyenv install 3.13`, your package manager), or set PYTHON to one.',
    );
    await expect(findPython(machine({}))).rejects.toThrow('got none');
  });
});

describe('Java and Maven', () => {
  test('versions are read in the forms of java and javac', async () => {
    expect(await findJava(machine({ says: { java: 'openjdk version "17.0.15" 2025-04-15' } }))).toBe('java');
    expect(await findJava(machine({ says: { javac: 'javac 21' } }), 'javac')).toBe('javac');
  });

  test('JAVA_HOME is taken, and only that', async () => {
    const env = { JAVA_HOME: '/jdk' };
    expect(await findJava(machine({ env, says: { '/jdk/bin/java': 'openjdk version "17"' } }))).toBe('/jdk/bin/java');
    await expect(findJava(machine({ env, says: { java: 'openjdk version "17"' } }))).rejects.toThrow('/jdk/bin/java');
  });

  test('a runtime without a compiler, and an old one, are refused by name', async () => {
    await expect(findJava(machine({ says: { java: 'openjdk version "17"' } }), 'javac')).rejects.toThrow(
      'Expected a JDK 17 or newer (javac), got none (looked for javac).',
    );
    await expect(findJava(machine({ says: { java: 'java version "1.8.0_402"' } }))).rejects.toThrow('java is 1.8');
  });

  test('without Maven it is said what it is for', async () => {
    await expect(findMaven(machine({}))).rejects.toThrow(
      'Expected Maven 3 or newer (mvn), got none (looked for mvn). Install it (`apt-get install maven`, ' +
        'maven.apache.org): DynamoDB Local is taken from Maven Central.',
    );
    expect(await findMaven(machine({ says: { mvn: '\u001b[1mApache Maven 3.8.7\u001b[m' } }))).toBe('mvn');
  });
});

describe('Docker', () => {
  const client = { 'docker --version': 'Docker version 29.2.1' };

  test.each([
    ['no client', {}, 'there is no docker on the PATH'],
    ['a client without an engine', client, 'no Docker engine answers (docker info)'],
    ['an engine without compose', { ...client, 'docker info': 'Server: …' }, 'docker has no compose'],
  ])('%s is not enough, and it is said what is missing', async (_, says, missing) => {
    expect(await findDocker(machine({ says }))).toEqual({ missing });
  });

  test('an engine with compose is used', async () => {
    const says = { ...client, 'docker info': 'Server: …', 'docker compose version': 'v5.1' };
    expect(await findDocker(machine({ says }))).toEqual({});
  });
});

test('a program that is not there, or fails, is as good as none', async () => {
  const { ask } = toolSources(process.env);
  expect(await ask(['/nowhere/python3.13', '--version'])).toBeUndefined();
  expect(await ask([process.execPath, '--no-such-option'])).toBeUndefined();
  expect(await ask([process.execPath, '--version'])).toBe(`${process.version}\n`);
});
