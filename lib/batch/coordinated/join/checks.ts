import { recordFault } from '#batch/json-fault';
import { REFERENCE } from '#batch/message';
import { checkInteger, checkNames, checkText, refuse } from '#primitives/checks';
import { checkList } from '#primitives/part-checks';
import type { Json } from '#primitives/table';
import { MAX_BRANCHES, MAX_DEADLINE_MS, MAX_PART, type JoinPlan } from './types.ts';

const MAX_BRANCH_BYTES = 256;
/** As JSON. A record takes 400 KiB, in which a list of small numbers is half as long again as its JSON. */
const MAX_DATA_BYTES = 262_144;

/** Names that are steps of a path: whoever reads a URL takes them out of it, so that none of them could ever arrive. */
export const isPathStep = (branch: string): boolean => branch === '.' || branch === '..';

/** Why nothing can keep what a branch brings along; undefined when it can be kept. */
export const dataFault = (data: Json): string | undefined => {
  const fault = recordFault('data', data);
  if (fault !== undefined) return fault;
  const bytes = Buffer.byteLength(JSON.stringify(data));
  return bytes > MAX_DATA_BYTES ? refuse('data', `at most ${MAX_DATA_BYTES} bytes as JSON`, bytes).message : undefined;
};

/** @throws {@link InvalidArgumentError} when `id` is no name of a join, of a reduction, or of a part of one */
export const checkName = (name: string, id: string): void => {
  if (typeof id !== 'string' || !REFERENCE.test(id)) throw refuse(name, '1 to 64 of A-Z a-z 0-9 _ -', id);
};

/** @throws {@link InvalidArgumentError} when `branch` is no name of a branch */
export const checkBranch = (branch: string): void => {
  checkText('branch', branch, 1, MAX_BRANCH_BYTES);
  if (branch.includes('\0')) throw refuse('branch', 'text without NUL', branch);
  if (branch.normalize('NFC') !== branch) throw refuse('branch', 'in Unicode normalization form NFC', branch);
  if (isPathStep(branch)) throw refuse('branch', "another name than '.' and '..'", branch);
};

const checkBranches = (name: string, branches: readonly string[], max: number): void => {
  const expected = `1 to ${max} names`;
  checkList(name, branches, expected);
  if (branches.length === 0 || branches.length > max) throw refuse(name, expected, branches);
  for (const branch of branches) checkBranch(branch);
};

/** @throws {@link InvalidArgumentError} when `plan` asks for no join, or for more than one */
export const checkPlan = (plan: JoinPlan): void => {
  checkNames(plan, ['branches', 'open', 'deadlineMs', 'onDeadline']);
  const { branches, deadlineMs } = plan;
  // Also where nobody checks types.
  const { open, onDeadline }: { readonly open?: unknown; readonly onDeadline?: unknown } = plan;
  if (open !== undefined && open !== true) throw refuse('open', 'true, or left out', open);
  if ((branches === undefined) === (open === undefined)) throw refuse('plan', "one of 'branches' and 'open'", plan);
  if (branches !== undefined) checkBranches('branches', branches, MAX_BRANCHES);
  if (deadlineMs !== undefined) checkInteger('deadlineMs', deadlineMs, 1, MAX_DEADLINE_MS);
  if (onDeadline === undefined) return;
  if (onDeadline !== 'fail' && onDeadline !== 'fire') throw refuse('onDeadline', "'fail' or 'fire'", onDeadline);
  if (deadlineMs === undefined) throw refuse('deadlineMs', "given beside 'onDeadline'", deadlineMs);
};

/** @throws {@link InvalidArgumentError} when `branches` are no part of an open join */
export const checkPartBranches = (branches: readonly string[]): void => checkBranches('branches', branches, MAX_PART);
