import { readTree } from '#single-node/sidecar/git-sync/tree';

const OBJECT = 'a'.repeat(40);
const LIMITS = { maxFiles: 5, maxBytes: 100 };
const entry = (path: string, mode = '100644', size: number | '-' = 10): string =>
  `${mode} ${mode === '160000' ? 'commit' : 'blob'} ${OBJECT} ${String(size).padStart(7)}\t${path}`;
const read = (...entries: readonly string[]) => readTree(entries.map((each) => `${each}\0`).join(''), LIMITS);

test('plain files are taken, executable or not, in folders too', () => {
  expect(read(entry('a.txt'), entry('bin/run', '100755', 7), entry('tab\u00e9 and space/…'))).toEqual({
    files: [
      { path: 'a.txt', object: OBJECT, sizeBytes: 10, executable: false },
      { path: 'bin/run', object: OBJECT, sizeBytes: 7, executable: true },
      { path: 'tab\u00e9 and space/…', object: OBJECT, sizeBytes: 10, executable: false },
    ],
  });
});

test.each([
  ['a link', [entry('link', '120000')], /"link" is a symbolic link/],
  ['a submodule', [entry('module', '160000', '-')], /"module" is a submodule/],
  ['another mode', [entry('odd', '100664')], /"odd" is no plain file/],
  ['a path that goes up', [entry('../x')], /leaves its folder/],
  ['one that goes up inside', [entry('a/../../x')], /leaves its folder/],
  ['an absolute one', [entry('/etc/passwd')], /leaves its folder/],
  ['an empty name', [entry('a//b')], /leaves its folder/],
  ['a dot', [entry('./a')], /leaves its folder/],
  ['.git', [entry('.git/config')], /git's own folder/],
  ['.GIT inside', [entry('a/.GIT/hooks/post-checkout')], /git's own folder/],
  ['the short name of .git', [entry('GIT~1/config')], /git's own folder/],
  ['.git with what Windows drops', [entry('.git. ./config')], /git's own folder/],
  ['.git with what macOS does not see', [entry('.g\u200cit/config')], /git's own folder/],
  ['a backslash', [entry('a\\b')], /character/],
  ['a control character', [entry('a\u001bb')], /character/],
  ['a newline', [entry('a\nb')], /character/],
  ['what is no UTF-8', [entry('a\ufffd')], /character/],
  ['a name that is too long', [entry('x'.repeat(201))], /too long/],
  ['a path that is too long', [entry(Array(100).fill('long-enough').join('/'))], /too long/],
  ['the same name twice', [entry('a'), entry('a')], /there twice/],
  ['names that differ in case alone', [entry('Read.me'), entry('read.ME')], /there twice/],
  ['names that differ in Unicode form alone', [entry('\u00e9'), entry('e\u0301')], /there twice/],
  ['too many files', ['a', 'b', 'c', 'd', 'e', 'f'].map((path) => entry(path)), /more than 5 files/],
  ['too many bytes', [entry('a', '100644', 60), entry('b', '100644', 41)], /more than 100 bytes/],
  ['a file without a size', [entry('a', '100644', '-')], /more than 100 bytes/],
  ['nothing', [], /no files/],
  ['rubbish', ['rubbish'], /no file/],
])('%s refuses the version', (_, entries, reason) => {
  expect(read(...entries)).toEqual({ reason: expect.stringMatching(reason) });
});
