import type { Table } from '#primitives/table';
import { holdAll, type Problems } from '#simulation/checkers';
import { seeds, SimulationFailure, sweep, type Scenario } from '#simulation/sweep';
import { idsIn, ownerIn, signUpWorld, stateIn } from './sign-up-world.ts';

const SEED_COUNT = 1_000;
const CHUNK = 100;
/** Fewer than the receives that a message has. */
const FAULT_LIMIT = 5;
/** The other kinds cost an attempt and nothing else; the seeds have them. */
const KINDS = ['crash', 'crash-after', 'lose-answer', 'duplicate'] as const;
const TEST_MS = 300_000;

const SHARED = 'ann@example.org';
const UNREACHABLE = 'bob@example.org';
const ALONE = 'cid@example.org';

const problemsIf = (isWrong: boolean, problem: string): Problems => (isWrong ? [problem] : []);

/**
 * Two want one address, one has an address whose mail fails for ever, one has no trouble. Then somebody else takes the
 * address that was freed, and the event of the compensation comes once more.
 */
const scenario =
  (planted: Pick<Parameters<typeof signUpWorld>[1] & object, 'stepsTable' | 'apiTable'> = {}): Scenario =>
  async (w) => {
    const { table, mails, source, deadLetters, api } = signUpWorld(w, { unreachable: [UNREACHABLE], ...planted });
    const start = (signupId: string, email: string) => w.client(() => api().start({ signupId, email, name: signupId }));
    const [one, other] = await Promise.all([start('one', SHARED), start('other', 'ANN@example.org')]);
    const bob = await start('bob', UNREACHABLE);
    const cid = await start('cid', ALONE);
    await w.untilQuiet();

    const winner = one === 'accepted' ? 'one' : 'other';
    const [bobState, freed] = [stateIn(table, 'bob'), ownerIn(table, UNREACHABLE)];
    const next = await start('next', UNREACHABLE);
    // It is in use again: what comes late must not touch it.
    const late = { id: 'late', 'detail-type': 'signup.step-failed', detail: { signupId: 'bob' } };
    const refused = { signupId: 'refused', email: SHARED, name: 'refused' };
    await source.sendBatch([{ body: JSON.stringify(late) }, { body: JSON.stringify(refused) }]);
    const heldMeanwhile: string[] = [];
    w.watch(async () => void heldMeanwhile.push(`${stateIn(table, 'next')} ${ownerIn(table, UNREACHABLE)}`));
    await w.untilQuiet();

    const accounts = idsIn(table, 'account');
    const mailed = idsIn(mails, 'mailbox');
    holdAll(
      problemsIf(
        [one, other].filter((outcome) => outcome === 'accepted').length !== 1,
        `${one} and ${other} of one address`,
      ),
      problemsIf(bob !== 'accepted' || cid !== 'accepted' || next !== 'accepted', 'a free address was refused'),
      problemsIf(bobState !== 'failed' || freed !== 'nobody', `not compensated: ${bobState}, kept by ${freed}`),
      problemsIf(stateIn(table, winner) !== 'completed', `${winner} is ${stateIn(table, winner)}`),
      problemsIf(stateIn(table, 'cid') !== 'completed', `cid is ${stateIn(table, 'cid')}`),
      problemsIf(stateIn(table, 'refused') !== 'failed', `of a taken address: ${stateIn(table, 'refused')}`),
      problemsIf(accounts.toSorted().join() !== ['cid', winner].toSorted().join(), `accounts: ${accounts.join()}`),
      problemsIf(mailed.toSorted().join() !== [SHARED, ALONE].join(), `mails to ${mailed.join()}`),
      problemsIf(ownerIn(table, SHARED) !== winner, `${SHARED} is ${ownerIn(table, SHARED)}'s`),
      problemsIf(
        heldMeanwhile.some((seen) => !seen.startsWith('failed') && !seen.endsWith(' next')),
        'the address of a sign-up that runs was freed',
      ),
      problemsIf((await deadLetters.depth()).visibleCount > 0, 'dead letters'),
    );
  };

const chunks = Array.from({ length: SEED_COUNT / CHUNK }, (_, index) => index * CHUNK + 1);

describe('sign-ups under crashes, lost answers, late writes, duplicates and an address that takes no mail', () => {
  test.each(chunks)(
    'one account and one mail, or the address is free again and there is neither, seeds from %i',
    async (from) => {
      const { faultCount } = await seeds(scenario(), { count: CHUNK, from, faultLimitCount: FAULT_LIMIT });
      expect(faultCount).toBeGreaterThan(CHUNK);
    },
    TEST_MS,
  );

  test(
    'the same with one fault at each write of the table and the bus',
    async () => {
      const { callCount, runCount } = await sweep(scenario(), {
        kinds: KINDS,
        where: ({ isWrite, primitive }) => isWrite && primitive !== 'queue',
      });
      expect(callCount).toBeGreaterThan(20);
      expect(runCount).toBeGreaterThan(callCount);
    },
    TEST_MS,
  );
});

/** Steps whose writes ask for less than they should. */
const careless =
  (isAsked: (partition: string, kind: string) => boolean) =>
  (table: Table): Table => ({
    ...table,
    transact: (writes, options) =>
      table.transact(
        writes.map((write) => {
          if (write.kind === 'check' || isAsked(write.key.partition, write.kind)) return write;
          const { condition: _, ...rest } = write;
          return rest;
        }),
        options,
      ),
  });

describe('the checkers find out', () => {
  test('compensation that frees the address whoever has it, and wherever the sign-up stands', async () => {
    // As often written: on the event, undo.
    const stepsTable = (table: Table): Table => {
      const loose = careless((partition) => partition.startsWith('account/'))(table);
      return {
        ...loose,
        get: async (key, options) => {
          const fields = await table.get(key, options);
          return fields?.['state'] === 'failed' ? { ...fields, state: 'compensate' } : fields;
        },
      };
    };
    await expect(seeds(scenario({ stepsTable }), { count: 20 })).rejects.toThrow(/freed|next/);
  });

  test('an address that is taken without asking whether somebody has it', async () => {
    const planted = { apiTable: careless((partition) => !partition.startsWith('address/')) };
    await expect(seeds(scenario(planted), { count: 20 })).rejects.toThrow(SimulationFailure);
  });
});
