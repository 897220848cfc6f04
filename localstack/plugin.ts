import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { stop as stopBundler } from 'esbuild';
import type { HostReady } from './function-host.ts';
import { claimBuildFolder } from './plugin/build-folder.ts';
import { useDummyCredentials } from './plugin/account.ts';
import { StackError } from './plugin/errors.ts';
import { lockPackaging } from './plugin/package-lock.ts';
import type { Framework } from './plugin/service.ts';
import { setUpStack, type StackDescription } from './plugin/stack.ts';
import {
  exitWithSupervisor,
  findPrimitives,
  hostPorts,
  reportToSupervisor,
  type HostPorts,
  type Surroundings,
} from './plugin/surroundings.ts';
import { isObject } from './plugin/template.ts';

/** What the framework also hands to a plugin: the command that it was called with. */
interface Called {
  readonly processedInput: { readonly commands: readonly string[] };
}

/** Flags of `serverless offline start`. All plugins share one object of them, and it goes before what the service says. */
interface Options {
  readonly host?: string;
  readonly httpPort?: string;
  readonly lambdaPort?: string;
}

const HOST = '127.0.0.1';
/** The commands that write to `.serverless`. */
const PACKAGING = new Set(['package', 'deploy']);
const PACKAGING_MS = 240_000;
/** Seconds after which serverless-offline ends the thread of a function that nobody called. */
const IDLE_S = 60;

/**
 * Makes `serverless offline start` a function host of the embedded place: sets up the resources of the service's own
 * template at AWS_ENDPOINT_URL before the functions load, and reports to the supervisor when they can be called.
 * Without an AWS_ENDPOINT_URL it starts a companion process with the primitives.
 *
 * It has to stand first among the plugins: serverless-offline never returns from its `ready`.
 *
 * What fails is said in one message, on the standard error and to the supervisor, and the process exits with 1.
 */
export default class StackPlugin {
  /** The script with the primitives; see `plugin/companion.ts`. */
  readonly companionFile: string = path.join(import.meta.dirname, 'commands', 'companion.ts');
  readonly hooks: Readonly<Record<string, (...given: never[]) => unknown>>;
  readonly #framework: Framework & Called;
  readonly #options: Options;
  #ports: HostPorts | undefined;
  #surroundings: Surroundings | undefined;
  #stack: StackDescription | undefined;
  #isHost = false;

  constructor(framework: Framework & Called, options: Options) {
    this.#framework = framework;
    this.#options = options;
    this.hooks = {
      initialize: () => this.#claimFolders(),
      'before:offline:start': () => this.#refuse(),
      'before:offline:start:init': () => this.#setUp(),
      'offline:start:ready': () => this.#ready(),
      error: (error: unknown) => (this.#isHost ? this.#fail(error) : undefined),
    };
  }

  async #claimFolders(): Promise<void> {
    const { service, serviceDir, processedInput } = this.#framework;
    const isPackaging = PACKAGING.has(processedInput.commands[0] ?? '');
    if (isPackaging)
      await lockPackaging(serviceDir, { timeoutMs: PACKAGING_MS, say: (line) => process.stderr.write(`${line}\n`) });
    const outputWorkFolder = claimBuildFolder(serviceDir);
    const custom = (service.custom ??= {});
    const { esbuild } = custom;
    custom['esbuild'] = { ...(isObject(esbuild) ? esbuild : {}), outputWorkFolder };
    if (!isPackaging) return;
    // serverless-esbuild leaves copies of what it has zipped among the temporary files: here they go with the bundles.
    const temporary = path.join(serviceDir, outputWorkFolder, 'tmp');
    await mkdir(temporary, { recursive: true });
    process.env['TMPDIR'] = temporary;
  }

  #refuse(): never {
    this.#isHost = true;
    throw new StackError("Use 'serverless offline start': 'serverless offline' leaves out what creates the resources.");
  }

  async #setUp(): Promise<void> {
    this.#isHost = true;
    exitWithSupervisor();
    const { host = HOST } = this.#options;
    if (host !== HOST)
      throw new StackError(`Expected --host to be ${HOST}, the only address to listen on, got '${host}'.`);
    this.#ports = await hostPorts(this.#options, process.env);
    Object.assign(this.#options, this.#ports, {
      host,
      noPrependStageInUrl: true,
      noSponsor: true,
      terminateIdleLambdaTime: IDLE_S,
    });
    useDummyCredentials(process.env);
    this.#surroundings = await findPrimitives(process.env, this.companionFile);
    void this.#surroundings.companion?.ended.then((reason) => this.#fail(reason));
    process.env['AWS_ENDPOINT_URL'] = this.#surroundings.awsEndpointUrl;
    this.#stack = await setUpStack(this.#framework, this.#surroundings);
  }

  async #ready(): Promise<void> {
    if (this.#ports === undefined || this.#stack === undefined) throw new StackError('The stack was not set up.');
    const ready: HostReady & StackDescription = {
      type: 'ready',
      pid: process.pid,
      ...this.#stack,
      httpUrl: `http://${HOST}:${this.#ports.httpPort}`,
      lambdaUrl: `http://${HOST}:${this.#ports.lambdaPort}`,
    };
    // All is bundled and nothing is watched: the bundler's process would keep some 60 MB for nothing.
    await stopBundler();
    this.#surroundings?.companion?.report(ready);
    await reportToSupervisor(ready);
  }

  async #fail(error: unknown): Promise<never> {
    const message = error instanceof Error ? error.message || error.name : String(error);
    process.stderr.write(`\nError: ${message}\n`);
    await reportToSupervisor({ type: 'failed', message });
    process.exit(1);
  }
}
