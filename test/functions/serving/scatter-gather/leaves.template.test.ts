import { rmSync } from 'node:fs';
import { packageService } from '../../../template/package.ts';
import { allowedTo } from '../../../template/permissions.ts';
import { listOf, resourcesOf, statementsIn, type Packaged } from '../../../template/rules.ts';

/** The most that may be asked for. */
const LEAVES = 24;
/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const MOST_RESOURCES = 500;

let template: Packaged;
beforeAll(async () => {
  const packaged = await packageService('prod', { SCATTER_GATHER_LEAVES: String(LEAVES) });
  rmSync(packaged.folder, { recursive: true, force: true });
  ({ template } = packaged);
}, 200_000);

const leafIds = Array.from({ length: LEAVES }, (_, leaf) => `ScatterGatherLeaf${leaf}LambdaFunction`);

test('there are as many leaf functions as are asked for, each with its number, and all still fit into a stack', () => {
  const leaves = resourcesOf(template, 'AWS::Lambda::Function').filter(([id]) => id.startsWith('ScatterGatherLeaf'));
  expect(leaves.map(([id]) => id).toSorted()).toEqual(leafIds.toSorted());
  for (const [id, { FunctionName, Environment }] of leaves) {
    const leaf = /\d+/.exec(id)?.[0];
    expect(FunctionName).toBe(`distributed-patterns-prod-scatter-gather-leaf-${leaf}`);
    expect(Environment).toMatchObject({ Variables: { LEAF: leaf } });
  }
  expect(Object.keys(template.Resources).length).toBeLessThanOrEqual(MOST_RESOURCES);
});

test('a leaf may read indexes and do nothing else', () => {
  for (const id of leafIds) expect([...allowedTo(template, id)]).toEqual(['ScatterGatherIndexBucket.GetObject']);
});

test('the root may call the leaves, read what it needs, and send documents on', () => {
  const allowed = [...allowedTo(template, 'ScatterGatherHttpLambdaFunction')];
  const invoked = resourcesOf(template, 'AWS::IAM::Role')
    .filter(([id]) => id.startsWith('ScatterGather'))
    .flatMap(([, properties]) =>
      statementsIn(properties)
        .filter(({ Action }) => listOf(Action).includes('lambda:InvokeFunction'))
        .flatMap(({ Resource }) => JSON.stringify(Resource).match(/(?<=:function:)[\w-]+/g) ?? []),
    );
  expect(invoked.toSorted()).toEqual(
    leafIds.map((_, leaf) => `distributed-patterns-prod-scatter-gather-leaf-${leaf}`).toSorted(),
  );
  expect(
    allowed.filter((use) => !use.endsWith('.InvokeFunction') && !use.startsWith('IdempotencyTable')).toSorted(),
  ).toEqual([
    'ScatterGatherDocumentsQueue.SendMessage',
    'ScatterGatherHeadsTable.Query',
    'ScatterGatherIndexBucket.GetObject',
    'ScatterGatherIndexBucket.ListBucket',
  ]);
});

test('the indexer may read and write indexes and heads, and send on what it cannot read', () => {
  expect([...allowedTo(template, 'ScatterGatherIndexerLambdaFunction')].toSorted()).toEqual([
    'ScatterGatherDocumentsDeadLettersQueue.SendMessage',
    'ScatterGatherHeadsTable.GetItem',
    'ScatterGatherHeadsTable.PutItem',
    'ScatterGatherIndexBucket.DeleteObject',
    'ScatterGatherIndexBucket.GetObject',
    'ScatterGatherIndexBucket.ListBucket',
    'ScatterGatherIndexBucket.PutObject',
  ]);
});
