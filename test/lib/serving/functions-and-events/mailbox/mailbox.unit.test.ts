import { UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { memoryTable, TransactionConflictError } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
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

test('of more than a hundred mails the newest hundred are listed, whatever their ids', async () => {
  const { box, clock } = some();
  const ids = Array.from({ length: 130 }, (_, n) => `${(n * 37) % 130}`);
  for (const id of ids) {
    await box.send({ ...mail, id });
    await clock.advance(1);
  }
  expect((await box.list(mail.to)).map(({ id }) => id)).toEqual(ids.slice(30));
});

test('a mail that is sent twice at once is there once, and a transaction that met another goes again', async () => {
  let conflicts = 2;
  const clock = memoryClock();
  const wire = memoryWire({
    intercept: (operation, apply) => {
      if (operation.operation === 'dynamodb.TransactWriteItems' && conflicts > 0) {
        conflicts -= 1;
        throw new TransactionConflictError();
      }
      return apply();
    },
  });
  const box = mailbox({ table: memoryTable({ name: 'mails', clock, wire }), clock, keepMs: DAY_MS });
  await clock.until(Promise.all([box.send(mail), box.send(mail)]));
  expect(await box.list(mail.to)).toHaveLength(1);
  conflicts = Number.POSITIVE_INFINITY;
  await expect(clock.until(box.send({ ...mail, id: 'other' }))).rejects.toThrow(UnavailableError);
});

test('one call to send, one to list', async () => {
  const clock = memoryClock();
  const wire = memoryWire();
  const box = mailbox({ table: memoryTable({ name: 'mails', clock, wire }), clock, keepMs: DAY_MS });
  await box.send(mail);
  await box.list(mail.to);
  expect(wire.counts()).toEqual({ 'dynamodb.Query': 1, 'dynamodb.TransactWriteItems': 1 });
});

test('nothing can be sent to a name in .invalid, which nobody will ever own', async () => {
  const { box, table } = some();
  await expect(box.send({ ...mail, to: 'ann@host.INVALID' })).rejects.toThrow(UnavailableError);
  expect(table.dump()).toEqual([]);
});

test('mails expire', async () => {
  const { box, table, clock } = some();
  await box.send(mail);
  expect(table.dump().map(({ expiresAtMs }) => expiresAtMs)).toEqual(Array(2).fill(clock.nowMs() + DAY_MS));
});

test('options are checked', () => {
  const { table, clock } = some();
  expect(() => mailbox({ table, clock, keepMs: 1 })).toThrow("Expected 'keepMs'");
});
