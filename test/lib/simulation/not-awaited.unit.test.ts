import { runLimited } from '../../../scripts/run-limited.ts';

// In a process of its own: a test runner takes rejections that nobody waits for before anybody else sees them.
const PROGRAM = `
  import { sweep } from '#simulation/sweep';
  const scenario = async (w) => {
    const [queue, table] = [w.queue('q'), w.table('t')];
    const boot = () => () => void table.put({ key: { partition: 'p', sort: 'a' }, fields: {} });
    w.source({ queue, function: w.function({ name: 'f', boot }) });
    await w.send(queue, [{ body: 'a' }]);
    await w.untilQuiet();
  };
  await sweep(scenario).then(() => console.log('held'), ({ message }) => console.log(message));
`;

test('a promise that a handler forgot is a failure with its seed and its fault, not the end of the process', async () => {
  const { exitCode, output } = await runLimited({
    command: [process.execPath, '--input-type=module', '--eval', PROGRAM],
    limitMs: 20_000,
    output: 'keep',
  });
  expect({ exitCode, output }).toEqual({
    exitCode: 0,
    output: expect.stringMatching(
      /^Nobody waited for what failed: .+\nSeed 1, faults: error at call \d+, dynamodb.PutItem of t\nReplay: /,
    ),
  });
});
