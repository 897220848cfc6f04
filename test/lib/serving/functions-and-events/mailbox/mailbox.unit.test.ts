import { UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { memoryTable } from '#primitives/memory/table';
import { mailbox } from '#serving/functions-and-events/mailbox/mailbox';

const DAY_MS = 86_400_000;
const some = () => {
  const clock = memoryClock();
  const table = memoryTable({ name: 'mails', clock });
  return { clock, table, box: mailbox({ table, clock, keepMs: DAY_MS }) };
};
const mail = { id: 'm', to: 'ann@example.org', subject: 's', text: 't' };

test('a mail is there once, however often it is sent; the first text counts', async () => {
  const { box, clock } = some();
  await box.send(mail);
  await clock.advance(5);
  await box.send({ ...mail, text: 'another' });
  expect(await box.list('ann@example.org')).toEqual([{ ...mail, sentAtMs: clock.nowMs() - 5 }]);
});

test('mails are listed oldest first, by the address in any case, and not those of others', async () => {
  const { box, clock } = some();
  for (const id of ['z', 'a', 'm']) {
    await box.send({ ...mail, id, to: 'Ann@Example.org' });
    await clock.advance(1);
  }
  await box.send({ ...mail, to: 'ann@example.com' });
  expect((await box.list('ANN@example.org')).map(({ id }) => id)).toEqual(['z', 'a', 'm']);
  expect(await box.list('nobody@example.org')).toEqual([]);
});

test('nothing can be sent to a name in .invalid, which nobody will ever own', async () => {
  const { box, table } = some();
  await expect(box.send({ ...mail, to: 'ann@host.INVALID' })).rejects.toThrow(UnavailableError);
  expect(table.dump()).toEqual([]);
});

test('mails expire', async () => {
  const { box, table, clock } = some();
  await box.send(mail);
  expect(table.dump()[0]?.expiresAtMs).toBe(clock.nowMs() + DAY_MS);
});

test('options are checked', () => {
  const { table, clock } = some();
  expect(() => mailbox({ table, clock, keepMs: 1 })).toThrow("Expected 'keepMs'");
});
