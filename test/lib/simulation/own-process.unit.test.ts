import { runLimited } from '../../../scripts/run-limited.ts';

/** What a program that uses the simulation prints, in a process of its own. */
const run = async (program: string, ...flags: readonly string[]): Promise<string> => {
  const { exitCode, output } = await runLimited({
    command: [process.execPath, ...flags, '--input-type=module', '--eval', program],
    limitMs: 20_000,
    output: 'keep',
  });
  if (exitCode !== 0) throw new Error(`It ended with ${exitCode}: ${output}`);
  return output;
};

// A test runner takes rejections that nobody waits for before anybody else sees them.
test('a promise that a handler forgot is a failure with its seed and its fault, not the end of the process', async () => {
  const output = await run(`
    import { sweep } from '#simulation/sweep';
    const scenario = async (w) => {
      const [queue, table] = [w.queue('q'), w.table('t')];
      const boot = () => () => void table.put({ key: { partition: 'p', sort: 'a' }, fields: {} });
      w.source({ queue, function: w.function({ name: 'f', boot }) });
      await w.send(queue, [{ body: 'a' }]);
      await w.untilQuiet();
    };
    await sweep(scenario).then(() => console.log('held'), ({ message }) => console.log(message));
  `);
  expect(output).toMatch(
    /^Nobody waited for what failed: .+\nSeed 1, faults: error at call \d+, dynamodb.PutItem of t\nReplay: /,
  );
});

test('a world in which something crashed can be forgotten', async () => {
  const program = `
    import { setImmediate } from 'node:timers/promises';
    import { world } from '#simulation/world';
    const crashed = async () => {
      const w = world({ seed: 1, faults: [{ kind: 'crash', call: 1 }] });
      await w.client(() => w.table('t').put({ key: { partition: 'p', sort: 'a' }, fields: {} }));
      return new WeakRef(w);
    };
    const worlds = [];
    for (let n = 0; n < 20; n += 1) worlds.push(await crashed());
    for (let turn = 0; turn < 5; turn += 1) {
      await setImmediate();
      gc();
    }
    console.log(worlds.filter((each) => each.deref() !== undefined).length, 'of', worlds.length);
  `;
  expect(await run(program, '--expose-gc')).toBe('0 of 20\n');
});
