import { isProblem, problem, type Handlers } from '#http/handlers';
import type { Clock } from '#primitives/clock';
import type { ConfigStore } from '#single-node/sidecar/config-sync/config-store';
import type { ConfigSync } from '#single-node/sidecar/config-sync/config-sync';
import type { GitSync } from '#single-node/sidecar/git-sync/git-sync';
import type { TopzReport } from '#single-node/sidecar/topz/report';
import type { Topz } from '#single-node/sidecar/topz/topz';
import type { sidecarApi } from './api.ts';
import { askProgram } from './ask-program.ts';

export interface SidecarParts {
  readonly store: ConfigStore;
  readonly config: ConfigSync;
  readonly versions: GitSync;
  /** Whether there is something to sync with; if not, why, and the status that says it. */
  readonly repository:
    | { readonly declared: true }
    | { readonly declared: false; readonly status: 409 | 503; readonly reason: string };
  readonly nameOf: (commit: string) => string;
  /** What the function itself uses. */
  readonly usage: Topz;
  /** What the program with this process id uses. */
  readonly programUsage: (pid: number) => Promise<TopzReport>;
  readonly clock: Clock;
}

/** The version that the program says itself; what lies in its file, when it says none. */
const versionIn = (answer: unknown, otherwise: number | null): number | null => {
  const said = typeof answer === 'object' && answer !== null && 'settings' in answer ? answer.settings : undefined;
  return typeof said === 'number' && Number.isSafeInteger(said) && said >= 0 ? said : otherwise;
};

export const sidecarHandlers = (parts: SidecarParts): Handlers<typeof sidecarApi> => {
  const { store, config, versions, repository, nameOf, usage, programUsage, clock } = parts;
  return {
    legacy: async ({ query, signal }) => {
      const path = query.name === undefined ? '/' : `/?name=${encodeURIComponent(query.name)}`;
      const answered = await askProgram(versions, path, { clock, signal });
      if (isProblem(answered)) return answered;
      const { answer, commit } = answered;
      const configVersion = versionIn(answer, config.report().version);
      return { status: 200, body: { answer, configVersion, programVersion: nameOf(commit) } };
    },

    putConfig: async ({ params: { name }, body, operationId }) => {
      const { value, expectedVersion } = body;
      const options = { token: operationId, ...(expectedVersion === undefined ? {} : { expectedVersion }) };
      const outcome = await store.put(name, value, options);
      if (outcome.status !== 'conflict') return { status: 200, body: { name, version: outcome.version } };
      return problem(409, {
        detail: `Expected version ${expectedVersion}, but '${name}' is at version ${outcome.version}.`,
      });
    },

    config: async ({ params: { name } }) => {
      const found = await store.get(name);
      if (found === undefined) return problem(404, { detail: `There is no configuration '${name}'.` });
      return { status: 200, body: { name, ...found } };
    },

    topz: async () => {
      const { version, lastLook, refusedCount } = config.report();
      const pid = versions.current()?.program.pid;
      const program = pid === undefined ? null : await programUsage(pid).catch(() => null);
      const own = await usage.read();
      return { status: 200, body: { program, function: own, config: { version, lastLook, refusedCount } } };
    },

    sync: async ({ query }) => {
      if (!repository.declared) return problem(repository.status, { detail: repository.reason });
      const outcome = await versions.sync({ retry: query.retry === 'true' });
      if (outcome.status === 'failed')
        return problem(503, { detail: `The repository can't be synced: ${outcome.reason}` });
      const running = outcome.running === null ? null : nameOf(outcome.running);
      return { status: 200, body: { ...outcome, running } };
    },
  };
};
