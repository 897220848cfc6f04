/** One of those that are compared. */
export interface Candidate {
  readonly name: string;
  /** Measures once; the more the better (so many a second). */
  readonly measure: (round: number) => Promise<number>;
}

/** What each candidate came to in each round, by its name. */
export type Rounds = Readonly<Record<string, readonly number[]>>;

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/**
 * Measures the candidates in turn, round after round, each round beginning with another one, so that what slows the
 * machine for a while slows all of them. A first round warms up and is not counted.
 */
export const inRounds = async (options: {
  readonly candidates: readonly Candidate[];
  readonly roundCount: number;
  readonly say: (progress: string) => void;
}): Promise<Rounds> => {
  const { candidates, roundCount, say } = options;
  const measured = new Map<string, number[]>(candidates.map(({ name }) => [name, []]));
  for (let round = 0; round <= roundCount; round += 1) {
    if (round % Math.ceil(roundCount / 10) === 0) say(round === 0 ? 'warming up' : `round ${round} of ${roundCount}`);
    for (let turn = 0; turn < candidates.length; turn += 1) {
      const candidate = candidates[(round + turn) % candidates.length];
      if (candidate === undefined) continue;
      const value = await candidate.measure(round);
      if (round > 0) measured.get(candidate.name)?.push(value);
    }
  }
  return Object.freeze(Object.fromEntries(measured));
};

/** How many times `than` a candidate comes to: the median of the rounds' ratios, so that a slow round counts once. */
export const ratio = (rounds: Rounds, name: string, than: string): number => {
  const base = rounds[than] ?? [];
  return median((rounds[name] ?? []).map((value, round) => value / (base[round] ?? Number.NaN)));
};

/** 1.2345 → 1.23, 1234.5 → 1235: as many digits as mean something. */
export const rounded = (value: number): number => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
