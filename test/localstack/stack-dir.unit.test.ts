import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { claimStackDir } from '../../localstack/stack-dir.ts';

const NO_PROCESS = 4_194_305;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'claim-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('the folder is made, held by this process, and given back', async () => {
  const dir = path.join(root, 'a/b');
  const release = await claimStackDir(dir);
  expect(await readFile(path.join(dir, 'supervisor.pid'), 'utf8')).toBe(String(process.pid));
  await release();
  await expect(stat(path.join(dir, 'supervisor.pid'))).rejects.toThrow('ENOENT');
});

test('a folder that a running process holds is refused, what a dead one left is taken over', async () => {
  await writeFile(path.join(root, 'supervisor.pid'), String(process.ppid));
  await expect(claimStackDir(root)).rejects.toThrow(`process ${process.ppid}, still starting`);
  for (const left of [String(NO_PROCESS), 'rubbish', '']) {
    await writeFile(path.join(root, 'supervisor.pid'), left);
    await (
      await claimStackDir(root)
    )();
  }
});

test('a folder that cannot be made is named with its variable', async () => {
  const file = path.join(root, 'file');
  await writeFile(file, '');
  await expect(claimStackDir(path.join(file, 'below'))).rejects.toThrow(
    `Expected STACK_DIR to be a folder that can be written, got '${path.join(file, 'below')}' (ENOTDIR).`,
  );
});
