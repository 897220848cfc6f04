import { checkBranch, checkRepository } from '#single-node/sidecar/git-sync/repository-address';

test.each([
  ['https://git.example.com/shop.git', 'https'],
  ['http://127.0.0.1:8080/shop', 'http'],
  ['ssh://git@git.example.com:2222/shop.git', 'ssh'],
  ['ssh://git.example.com/~user/shop', 'ssh'],
])('%s is fetched by %s', (address, protocol) => {
  expect(checkRepository(address)).toEqual({ address, protocol });
});

test('a local path is fetched only when it was declared, as it was declared', () => {
  expect(checkRepository('/srv/shop.git', ['/srv/shop.git'])).toEqual({ address: '/srv/shop.git', protocol: 'file' });
  expect(() => checkRepository('/srv/shop.git')).toThrow("Expected 'repository'");
  expect(() => checkRepository('/srv/shop.git', ['/srv'])).toThrow("Expected 'repository'");
  expect(() => checkRepository('/srv/../etc', ['/srv/../etc'])).toThrow("Expected 'repository'");
  expect(() => checkRepository('/srv/a\nb', ['/srv/a\nb'])).toThrow("Expected 'repository'");
});

test.each([
  'ext::sh -c touch% /tmp/x',
  'fd::17',
  'ssh::x',
  'https::https://x/y',
  'file:///etc',
  'git://example.com/x',
  'git@example.com:x.git',
  '-oProxyCommand=x',
  '--upload-pack=touch /tmp/x',
  'ssh://-oProxyCommand=x/y',
  'ssh://-oProxyCommand=x@host/y',
  'ssh://-x@host/y',
  'ssh://user:secret@host/x',
  'https://user@host/x',
  'https://user:secret@host/x',
  'https:///x',
  'https://host/x y',
  'https://host/x\n--upload-pack=y',
  'HTTPS://host/x',
  './relative',
  '',
  `https://host/${'x'.repeat(2_000)}`,
])('%j is refused', (address) => {
  expect(() => checkRepository(address, ['/srv'])).toThrow("Expected 'repository' to be an http, https or ssh address");
});

test.each(['https://user:s3cret@host/x', 'ssh://user:s3cret@host/x', 'https://s3cret@host/x', 'https://u:s3@cret@h/x'])(
  'the refusal of %s does not print what may be a secret',
  (address) => {
    expect(() => checkRepository(address)).toThrow(/^Expected 'repository' to be (?!.*(s3|cret)).*"…@h/);
  },
);

test('a refusal does not print what may be a secret in full', () => {
  expect(() => checkRepository(`https://user:${'s3cret'.repeat(20)}@host/x`)).toThrow(/^(?!.*s3cret).*$/s);
});

test('branches are names, not options or revisions', () => {
  for (const good of ['main', 'release/1.2', 'feature_x-y.z', 'a']) expect(checkBranch(good)).toBe(good);
  for (const bad of [
    '',
    '-x',
    '--all',
    'a..b',
    'a b',
    'a:b',
    '+a',
    'a~1',
    'a^',
    'a@{1}',
    'x.lock',
    'x.lock/y',
    'a/',
    'a//b',
    'a/.b',
    '*',
    'x'.repeat(201),
  ])
    expect(() => checkBranch(bad)).toThrow("Expected 'branch'");
});
