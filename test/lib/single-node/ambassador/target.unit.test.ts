import { addressOf, readPlace, readTarget, type Target } from '#single-node/ambassador/target';

const target = (url: string): Target => {
  const read = readTarget(url);
  if (!read.ok) throw new Error(read.reason);
  return read.value;
};

const NAMES: Readonly<Record<string, readonly string[]>> = {
  'example.com': ['93.184.215.14', '2606:2800:21f:cb07::1'],
  'rebinding.example.com': ['93.184.215.14', '127.0.0.1'],
  'inside.example.com': ['10.0.0.7'],
  localhost: ['127.0.0.1', '::1'],
  'localhost.': ['127.0.0.1'],
  'metadata.example.com': ['169.254.169.254'],
};
const resolve = async (name: string): Promise<readonly string[]> => {
  const found = NAMES[name];
  if (found === undefined) throw new Error('ENOTFOUND');
  return found;
};
const judge = (url: string, localTargets: readonly string[] = []) => addressOf(target(url), { resolve, localTargets });

test.each([
  ['http://example.com', { protocol: 'http:', hostname: 'example.com', port: 80, basePath: '' }],
  ['https://Example.com:8443/v1/', { protocol: 'https:', hostname: 'example.com', port: 8443, basePath: '/v1' }],
  ['http://[2606:4700::1111]/', { protocol: 'http:', hostname: '2606:4700::1111', port: 80, basePath: '' }],
  ['http://2130706433/', { protocol: 'http:', hostname: '127.0.0.1', port: 80, basePath: '' }],
])('%s is read', (url, expected) => {
  expect(target(url)).toEqual(expected);
});

test.each([
  'example.com',
  '//example.com',
  'ftp://example.com',
  'file:///etc/passwd',
  'javascript:alert(1)',
  'http://',
  'http://user@example.com',
  'http://user:pw@example.com',
  'http://:pw@example.com',
  'http://@example.com',
  'http://example.com/?a',
  'http://example.com/?',
  'http://example.com/#a',
  'http://example.com:0',
  'http://example.com:65536',
  'http://exa mple.com',
  'http:\\\\example.com',
  'http://example.com\\@127.0.0.1',
  'http://exa\tmple.com',
  `http://example.com/${'a'.repeat(2_048)}`,
])('%j is refused', (url) => {
  expect(readTarget(url).ok).toBe(false);
});

test('a name whose addresses are all of the internet is connected to by the first of them', async () => {
  expect(await judge('http://example.com')).toEqual({ ok: true, value: '93.184.215.14' });
});

test.each([
  'http://2130706433',
  'http://0x7f.1',
  'http://0177.0.0.1',
  'http://127.1',
  'http://127.0.0.1',
  'http://[::1]',
  'http://[::ffff:7f00:1]',
  'http://[::ffff:127.0.0.1]',
  'http://localhost',
  'http://localhost.',
  'http://LOCALHOST',
  'http://a.localhost',
  'http://0.0.0.0',
  'http://0',
  'http://169.254.169.254/latest/meta-data',
  'http://metadata.google.internal',
  'http://metadata.example.com',
  'http://100.100.100.200',
  'http://10.0.0.1',
  'http://192.168.0.1',
  'http://inside.example.com',
  'http://rebinding.example.com',
  'http://[fd00:ec2::254]',
  'http://[fe80::1]',
  'http://[64:ff9b::a9fe:a9fe]',
  'http://[2002:7f00:1::]',
  'http://router',
  'http://printer.local',
  'http://unknown.example.com',
  'http://１２７.0.0.1',
])('%s is not connected to', async (url) => {
  expect(await judge(url)).toMatchObject({ ok: false });
});

describe('a target that was declared', () => {
  const declared = ['127.0.0.1:3000', 'localhost:4566', '[::1]:80', 'inside.example.com:80', '169.254.169.254:80'];

  test.each([
    ['http://127.0.0.1:3000/a', '127.0.0.1'],
    ['http://2130706433:3000', '127.0.0.1'],
    ['http://localhost:4566', '127.0.0.1'],
    ['http://[0:0:0:0:0:0:0:1]', '::1'],
    ['http://inside.example.com', '10.0.0.7'],
  ])('%s may lie on this machine', async (url, address) => {
    expect(await judge(url, declared)).toEqual({ ok: true, value: address });
  });

  test.each([
    'http://127.0.0.1:3001',
    'http://localhost:3000',
    'http://localhost.:4566',
    'http://127.0.0.2:3000',
    'http://169.254.169.254',
  ])('%s is none of them, or never one', async (url) => {
    expect(await judge(url, declared)).toMatchObject({ ok: false });
  });
});

test.each([
  ['127.0.0.1:3000', '127.0.0.1:3000'],
  ['LOCALHOST:80', 'localhost:80'],
  ['0x7f.1:80', '127.0.0.1:80'],
  ['[::1]:80', '[::1]:80'],
  ['127.0.0.1', undefined],
  ['a:0', undefined],
  ['a:65536', undefined],
  ['a@b:80', undefined],
  ['http://a:80', undefined],
  ['', undefined],
])('%j declares %j', (text, place) => {
  expect(readPlace(text)).toBe(place);
});
