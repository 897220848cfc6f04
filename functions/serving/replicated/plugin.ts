import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import path from 'node:path';

/** What the framework hands to a plugin, as far as this one uses it. */
interface Framework {
  readonly service: { readonly service: string };
  getProvider(name: 'aws'): { getStage(): string; getRegion(): string };
}

const PROGRAM = path.join(import.meta.dirname, 'dictionary', 'provision.ts');

/** What answers requests goes first; not much lower, or it would never end on a machine that is busy. */
const NICE = 3;

const yieldTo = ({ pid }: ChildProcess): void => {
  try {
    if (pid !== undefined) setPriority(pid, NICE);
  } catch {
    // It has ended already, or the machine does not allow it.
  }
};

/**
 * Fills the bucket of the dictionary, which is data and no part of the functions: behind every deployment, and beside
 * every start of the functions on this machine, which does not wait for it. It stands behind the plugin that creates the
 * bucket.
 */
export default class DictionaryPlugin {
  readonly hooks: Readonly<Record<string, () => unknown>>;
  readonly #framework: Framework;

  constructor(framework: Framework) {
    this.#framework = framework;
    this.hooks = {
      'before:offline:start:init': () => yieldTo(this.#start()),
      'after:deploy:deploy': () => this.#fill(),
    };
  }

  #start(): ChildProcess {
    const aws = this.#framework.getProvider('aws');
    const bucket = `${this.#framework.service.service}-${aws.getStage()}-replicated-dictionary`;
    const child = spawn(process.execPath, [PROGRAM, bucket], {
      env: { ...process.env, AWS_REGION: aws.getRegion(), NODE_OPTIONS: '' },
      // The channel: when this process ends, however it does, the other one does, too.
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.unref();
    child.channel?.unref();
    child.on('error', (error) => process.stderr.write(`The dictionary was not filled in: ${error.message}\n`));
    return child;
  }

  async #fill(): Promise<void> {
    const child = this.#start();
    child.ref();
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error('The functions are deployed, their dictionary is not: deploy again.');
  }
}
