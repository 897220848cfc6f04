import { syncMappings } from '../../../localstack/plugin/mappings-client.ts';
import { mappingsOf } from '../../../localstack/plugin/mappings.ts';
import { startStreamWorld, type StreamWorld } from '../../support/stream-world.ts';

let it: StreamWorld;
beforeAll(async () => {
  it = await startStreamWorld();
  it.endpoint.functions.put({
    functions: [{ name: 'shop-fn', key: 'fn', timeoutS: 3, memoryMb: 128, environment: {} }],
  });
});
afterAll(() => it.close());

test('a stream event is mapped once: the next start keeps it, a change updates it, another beginning maps it anew', async () => {
  const { streamArn: arn } = await it.table();
  const queue = await it.queue();
  const sync = async (event: Readonly<Record<string, string | number>>) => {
    const stream = { arn, destinations: { onFailure: queue.arn }, ...event };
    const place = { endpoint: it.endpoint.url, region: 'us-east-1', accountId: '000000000000' };
    await syncMappings(mappingsOf('shop-fn', [{ stream }], 'functions.fn'), 'shop-', place);
    const [stored, ...more] = it.endpoint.mappings.list();
    expect(more).toEqual([]);
    return stored;
  };
  const made = await sync({});
  expect(made?.mapping).toMatchObject({
    batchSize: 10,
    stream: { startingPosition: 'TRIM_HORIZON', onFailureArn: queue.arn },
  });
  expect(await sync({})).toBe(made);
  const changed = await sync({ batchSize: 50 });
  expect([changed?.mapping.uuid, changed?.mapping.batchSize]).toEqual([made?.mapping.uuid, 50]);
  const anew = await sync({ startingPosition: 'LATEST' });
  expect(anew?.mapping.uuid).not.toBe(made?.mapping.uuid);
  expect(anew?.mapping.stream?.startingPosition).toBe('LATEST');
});
