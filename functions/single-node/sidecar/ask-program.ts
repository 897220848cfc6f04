import { isProblem, problem, type Problem } from '#http/handlers';
import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import type { GitSync } from '#single-node/sidecar/git-sync/git-sync';
import { within } from '#single-node/sidecar/within';

/** What the program answered, and which version of it. */
export interface ProgramAnswer {
  readonly commit: string;
  readonly answer: unknown;
}

/** How long a call waits for a program that is being started. */
const START_MS = 8_000;
const ANSWER_MS = 5_000;
/** How soon after its last words the end of a program is known. */
const END_MS = 1_000;
const MAX_ANSWER_BYTES = 65_536;

/** The body as text; undefined when it is longer than allowed: then the rest is not read, and the connection is closed. */
const readText = async (response: Response): Promise<string | undefined> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) return '';
  // Leaving the loop cancels the body.
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
};

const ask = async (url: string, signal: AbortSignal): Promise<{ readonly answer: unknown } | Problem> => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  let text: string | undefined;
  try {
    const response = await fetch(url, { signal: limit, redirect: 'manual' });
    if (!response.ok) {
      await response.body?.cancel();
      return problem(502, { detail: `The program answered with status ${response.status}.` });
    }
    text = await readText(response);
  } catch {
    signal.throwIfAborted();
    return problem(502, { detail: 'The program did not answer.' });
  }
  if (text === undefined)
    return problem(502, { detail: `Expected the program to answer with at most ${MAX_ANSWER_BYTES} bytes.` });
  try {
    return { answer: JSON.parse(text) as unknown };
  } catch {
    return problem(502, { detail: `Expected the program to answer with JSON, got ${text.length} characters.` });
  }
};

/**
 * Asks the version of the program that runs. When it ends instead of answering, the one that is started in its place is
 * asked: a GET may be asked twice.
 */
export const askProgram = async (
  versions: GitSync,
  path: string,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<ProgramAnswer | Problem> => {
  for (let isAgain = false; ; isAgain = true) {
    if (versions.current() === undefined) await within(clock, START_MS, () => versions.sync());
    const asked = versions.current();
    try {
      const answered = await versions.use(({ program }) => ask(`${program.url}${path}`, signal));
      if (!isProblem(answered)) return { commit: asked?.commit ?? '', answer: answered.answer };
      if (isAgain) return answered;
      // It may have died of this call, and nobody has taken notice yet.
      await within(clock, END_MS, () => asked?.program.ended);
      if (versions.current() === asked) return answered;
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return problem(503, { detail: 'The program does not run; it is being started.' });
    }
  }
};
