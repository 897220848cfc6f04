import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a commit is made of: texts by path; a link as `{link: target}`. */
export type Contents = Readonly<Record<string, string | { readonly link: string }>>;

/** A repository that is pushed to, and somebody who pushes. */
export interface TestRepository {
  /** The bare repository; absolute. */
  readonly path: string;
  /** Commits exactly these files on top of what was pushed last, and pushes: the commit. */
  push(contents: Contents): Promise<string>;
  /** Lets the branch be at this commit, by force. */
  reset(commit: string): Promise<void>;
  /** Any git command in the working copy. */
  git(...args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'A',
  GIT_AUTHOR_EMAIL: 'a@example.com',
  GIT_COMMITTER_NAME: 'A',
  GIT_COMMITTER_EMAIL: 'a@example.com',
};

/** A repository in a temporary folder, with nothing on its branch `main`. */
export const testRepository = async (): Promise<TestRepository> => {
  const root = await mkdtemp(path.join(tmpdir(), 'repository-'));
  const bare = path.join(root, 'bare.git');
  const work = path.join(root, 'work');
  const git = async (...args: readonly string[]): Promise<string> =>
    (await run('git', [...args], { cwd: work, env: ENVIRONMENT, timeout: 30_000 })).stdout.trim();
  await mkdir(work);
  await git('init', '--quiet', '--bare', '--initial-branch=main', bare);
  await git('init', '--quiet', '--initial-branch=main', '.');
  await git('remote', 'add', 'origin', bare);

  const write = async (name: string, content: Contents[string]): Promise<void> => {
    const file = path.join(work, name);
    await mkdir(path.dirname(file), { recursive: true });
    if (typeof content === 'string') await writeFile(file, content);
    else await symlink(content.link, file);
  };

  return {
    path: bare,
    git,
    push: async (contents) => {
      await git('rm', '-r', '-f', '--quiet', '--ignore-unmatch', '.');
      for (const [name, content] of Object.entries(contents)) await write(name, content);
      await git('add', '--all');
      await git('commit', '--quiet', '--allow-empty', '--message=change');
      await git('push', '--quiet', '--force', 'origin', 'HEAD:main');
      return git('rev-parse', 'HEAD');
    },
    reset: async (commit) => {
      await git('reset', '--quiet', '--hard', commit);
      await git('push', '--quiet', '--force', 'origin', 'HEAD:main');
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
};

/** A version of a program that answers `version`, slowly at `/slow?ms=`. */
export const programOf = (
  version: string,
  options: { readonly health?: number; readonly before?: string } = {},
): string => `
import { createServer } from 'node:http';
${options.before ?? ''}
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://program');
  if (url.pathname === '/health') return response.writeHead(${options.health ?? 200}).end();
  if (url.pathname === '/die') process.exit(3);
  setTimeout(() => response.end('${version}'), Number(url.searchParams.get('ms') ?? 0));
});
server.listen(Number(process.env.PORT), process.env.HOST);
process.once('SIGTERM', () => server.close());
`;
