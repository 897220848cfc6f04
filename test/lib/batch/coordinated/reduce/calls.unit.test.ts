import { reductionWorld } from './world.ts';

/** Ten chunks of 99, as many as a part by HTTP may have. */
const PART = 990;

/** All API calls of a reduction of so many inputs, in parts. */
const callsOf = async (inputCount: number): Promise<Readonly<Record<string, number>>> => {
  const { api, until, drain, wire } = reductionWorld();
  await until(api.create('r', { kind: 'sum', open: true }));
  for (let from = 0; from < inputCount; from += PART) {
    const items = Array.from({ length: Math.min(PART, inputCount - from) }, (_, at) => ({
      id: `${from + at}`,
      value: 1,
    }));
    await until(api.add('r', `p${from}`, items));
  }
  await until(api.close('r'));
  await drain();
  expect(await until(api.view('r'))).toMatchObject({ status: 'done', result: inputCount });
  const { 'sqs.ReceiveMessage.empty': _, ...counts } = wire.counts();
  return counts;
};

test('the API calls of an input stay the same from 1 000 to 100 000 inputs: 0.03 and less', async () => {
  const perInput: number[] = [];
  for (const count of [990, 9_900, 99_000]) {
    const counts = await callsOf(count);
    perInput.push(Object.values(counts).reduce((sum, each) => sum + each, 0) / count);
    expect(counts['dynamodb.TransactWriteItems']).toBe(count / 99 + count / PART);
  }
  const [first = 0, second = 0, third = 0] = perInput;
  expect(Math.max(first, second, third)).toBeLessThan(0.036);
  expect(third).toBeLessThanOrEqual(second * 1.02);
  expect(second).toBeLessThanOrEqual(first * 1.02);
}, 180_000);

test('a part of 990 costs 28 calls, alone; eleven of them, with their merges, 0.025 an input', async () => {
  const [one, eleven] = [await callsOf(PART), await callsOf(11 * PART)];
  const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);
  expect({ one: sum(one), eleven: sum(eleven) }).toEqual({ one: 28, eleven: 269 });
}, 180_000);

test('a page of a source costs 12 calls and one for each of its objects, with 13 for the whole of ten and their merge', async () => {
  const { api, until, drain, wire, bucket } = reductionWorld();
  const put = (_: unknown, index: number) => bucket.put(`in/${index}`, Buffer.from('1'));
  await until(Promise.all(Array.from({ length: PART }, put)));
  const before = wire.counts();
  await until(api.create('r', { kind: 'sum', source: { bucket: 'texts', prefix: 'in/' } }));
  await drain();
  expect(await until(api.view('r'))).toMatchObject({ status: 'done', parts: 10, result: PART });
  const calls = Object.entries(wire.counts()).flatMap(([operation, count]) =>
    /ReceiveMessage|DeleteMessage/.test(operation) ? [] : [count - (before[operation] ?? 0)],
  );
  // The view is 2 of them.
  expect(calls.reduce((a, b) => a + b) - 2).toBe(10 * 12 + PART + 13);
}, 180_000);
