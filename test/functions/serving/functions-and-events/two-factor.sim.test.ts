import type { Table } from '#primitives/table';
import { challenges, type Verdict } from '#serving/functions-and-events/two-factor/challenges';
import { keyedMac, type Mac } from '#serving/functions-and-events/two-factor/mac';
import { holdAll, type Problems } from '#simulation/checkers';
import { seeds, SimulationFailure, sweep, type Scenario } from '#simulation/sweep';
import { idsIn, KEY, signUpWorld } from './sign-up-world.ts';

const ATTEMPT_COUNT = 5;
const VERIFIERS = 8;
const FAULT_LIMIT = 5;
const SEED_COUNT = 200;
const TEST_MS = 300_000;
const ANN = { challengeId: 'c', user: 'ann', address: 'ann@example.org' } as const;

const problemsIf = (isWrong: boolean, problem: string): Problems => (isWrong ? [problem] : []);

/** A login whose event comes through bus and queue; then many who read the mail verify at once. */
const scenario =
  (senderTable?: (table: Table) => Table): Scenario =>
  async (w) => {
    const { table, mails, bus, box, deadLetters, clock, random } = signUpWorld(w, senderTable ? { senderTable } : {});
    let compareCount = 0;
    const plain = keyedMac(KEY);
    const mac: Mac = (text) => {
      if (text.startsWith('code/')) compareCount += 1;
      return plain(text);
    };
    const limits = { lifetimeMs: 3_600_000, attemptCount: ATTEMPT_COUNT };
    const api = () => challenges({ table, bus, mac, clock, random, ...limits });
    await w.client(() => api().begin(ANN));
    await w.untilQuiet();
    const sent = await box.list(ANN.address);
    const code = sent[0]?.text.slice(0, 6) ?? 'none';
    const verdicts: Verdict[] = [];
    await Promise.all(
      Array.from({ length: VERIFIERS }, async () =>
        verdicts.push(await w.client(() => api().verify(ANN.challengeId, code))),
      ),
    );
    const verifiedCount = verdicts.filter(({ status }) => status === 'verified').length;
    const isUsed = table.dump().some(({ fields }) => fields['tokenHash'] !== undefined);
    const attempts = Number(table.dump()[0]?.fields['attempts'] ?? 0);
    holdAll(
      problemsIf(sent.length !== 1 || idsIn(mails, 'mailbox').length !== 1, `${sent.length} mails`),
      problemsIf(verifiedCount > 1, `verified ${verifiedCount} times`),
      // A client that dies with its token in hand has used it up; otherwise one is verified, unless attempts died first.
      problemsIf(!isUsed && attempts < ATTEMPT_COUNT, 'the code that was sent is not the code'),
      problemsIf(
        verdicts.some(({ status }) => status === 'wrong'),
        'the code that was sent is called wrong',
      ),
      problemsIf(compareCount > ATTEMPT_COUNT, `${compareCount} codes compared`),
      problemsIf((await deadLetters.depth()).visibleCount > 0, 'dead letters'),
    );
  };

describe('two-factor logins under crashes, lost answers, late writes and duplicates', () => {
  test(
    'one code is sent, it is the right one, it is good once, and five are compared',
    async () => {
      const { faultCount } = await seeds(scenario(), { count: SEED_COUNT, faultLimitCount: FAULT_LIMIT });
      expect(faultCount).toBeGreaterThan(SEED_COUNT);
    },
    TEST_MS,
  );

  test(
    'the same with one fault at each write of the tables and the bus',
    async () => {
      const { callCount } = await sweep(scenario(), {
        kinds: ['crash', 'crash-after', 'lose-answer', 'duplicate', 'late'],
        where: ({ isWrite, primitive }) => isWrite && primitive !== 'queue',
      });
      expect(callCount).toBeGreaterThan(8);
    },
    TEST_MS,
  );
});

test('the checkers find out: a delivery that draws another code than the one before has sent', async () => {
  // As often written: each delivery draws, and the last one's code counts.
  const forgetful = (table: Table): Table => ({
    ...table,
    get: async (...given) => {
      const fields = await table.get(...given);
      if (fields === undefined) return undefined;
      const { hidden: _, sentAtMs: __, ...rest } = fields;
      return rest;
    },
    update: ({ condition: _, ...update }) => table.update(update),
  });
  await expect(seeds(scenario(forgetful), { count: 50 })).rejects.toThrow(SimulationFailure);
});
