import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { untilAnswered } from '#resilience/until-answered';

const lost = () => new OutcomeUnknownError('put');
/** A write that comes to these, one after the other. */
const coming = (...outcomes: readonly (string | Error)[]) => {
  const left = [...outcomes];
  let count = 0;
  const write = async (): Promise<string> => {
    count += 1;
    const outcome = left.shift() ?? 'more calls than were planned';
    if (typeof outcome === 'string') return outcome;
    throw outcome;
  };
  return { write, count: () => count };
};

test('a write whose answer was lost is repeated until there is one', async () => {
  const { write, count } = coming(lost(), lost(), 'written');
  expect([await untilAnswered(write), count()]).toEqual(['written', 3]);
});

test('the third lost answer is the last', async () => {
  const { write, count } = coming(lost(), lost(), lost(), 'written');
  await expect(untilAnswered(write)).rejects.toBeInstanceOf(OutcomeUnknownError);
  expect(count()).toBe(3);
});

test('what fails at its first attempt has failed', async () => {
  const { write, count } = coming(new UnavailableError('put'), 'written');
  await expect(untilAnswered(write)).rejects.toBeInstanceOf(UnavailableError);
  expect(count()).toBe(1);
});

test('once an answer was lost nobody knows, whatever a repeat fails for', async () => {
  const { write, count } = coming(lost(), new UnavailableError('put'));
  await expect(untilAnswered(write)).rejects.toBeInstanceOf(OutcomeUnknownError);
  expect(count()).toBe(2);
});
