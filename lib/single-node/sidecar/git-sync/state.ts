/** A commit that did not work, or was not taken. */
export interface BadCommit {
  readonly commit: string;
  readonly reason: string;
}

/** What git-sync remembers over restarts. Never changed in place. */
export interface VersionState {
  /** Commits that ran well, the newest first; the first is the one that runs, or is to run. */
  readonly good: readonly string[];
  /** Commits that are not tried again, the newest first. */
  readonly bad: readonly BadCommit[];
}

export const nothingYet: VersionState = Object.freeze({ good: [], bad: [] });

/** So many bad commits are remembered: a branch that is pushed to all day long does not fill the disk. */
const MAX_BAD = 100;
const MAX_REASON_CHARACTERS = 1_600;

/** What is to be done when the branch is at `head`. */
export type Plan =
  | { readonly kind: 'same' }
  | { readonly kind: 'known-bad'; readonly reason: string }
  | { readonly kind: 'deploy' };

export const planFor = (state: VersionState, head: string): Plan => {
  if (state.good[0] === head) return { kind: 'same' };
  const bad = state.bad.find(({ commit }) => commit === head);
  return bad === undefined ? { kind: 'deploy' } : { kind: 'known-bad', reason: bad.reason };
};

/** The commit runs, and was found healthy. It is the current one now; `keepCount` of the newest are kept. */
export const promoted = (state: VersionState, commit: string, keepCount: number): VersionState => ({
  good: [commit, ...state.good.filter((each) => each !== commit)].slice(0, keepCount),
  bad: state.bad.filter((each) => each.commit !== commit),
});

/** The commit is not tried again. When it was the current one, the one before it is current now. */
export const condemned = (state: VersionState, commit: string, reason: string): VersionState => ({
  good: state.good.filter((each) => each !== commit),
  bad: [
    { commit, reason: reason.slice(0, MAX_REASON_CHARACTERS) },
    ...state.bad.filter((each) => each.commit !== commit),
  ].slice(0, MAX_BAD),
});

/** The commit may be tried again. */
export const forgiven = (state: VersionState, commit: string): VersionState => ({
  good: state.good,
  bad: state.bad.filter((each) => each.commit !== commit),
});

export const writeState = (state: VersionState): string => `${JSON.stringify(state, null, 2)}\n`;

const COMMIT = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

const isCommit = (value: unknown): value is string => typeof value === 'string' && COMMIT.test(value);

const isBad = (value: unknown): value is BadCommit =>
  typeof value === 'object' &&
  value !== null &&
  'commit' in value &&
  isCommit(value.commit) &&
  'reason' in value &&
  typeof value.reason === 'string';

/** What was written; undefined when it is damaged. What is no commit is left out: names of folders come from here. */
export const readState = (text: string): VersionState | undefined => {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null || !('good' in parsed) || !('bad' in parsed)) return undefined;
    if (!Array.isArray(parsed.good) || !Array.isArray(parsed.bad)) return undefined;
    return { good: parsed.good.filter(isCommit), bad: parsed.bad.filter(isBad) };
  } catch {
    return undefined;
  }
};
