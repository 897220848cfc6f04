/** `node one.ts NAME`, as a child of main.ts: runs one benchmark and sends its progress and its result. */
import type { Benchmark } from './benchmark.ts';

const [, , name = ''] = process.argv;
const { benchmark } = (await import(`./${name}.ts`)) as { readonly benchmark: Benchmark };
const send = (message: object): void => void process.send?.(message);

send({ result: await benchmark((progress) => send({ progress })) });
process.disconnect?.();
