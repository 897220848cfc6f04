import { homedir } from 'node:os';
import path from 'node:path';
import { readLocalStackSettings } from '../../../localstack/localstack/settings.ts';

test('a command alone leaves port and kind open, and keeps everything in the cache folder of the project', () => {
  expect(readLocalStackSettings(['up'], {})).toEqual({
    command: 'up',
    dir: path.join(homedir(), '.cache/distributed-patterns/localstack'),
  });
});

test('port, kind and folder are taken as given', () => {
  expect(readLocalStackSettings(['up', '--port', '14000', '--ministack'], { LOCALSTACK_HOST_DIR: '/tmp/x' })).toEqual({
    command: 'up',
    port: 14_000,
    kind: 'ministack',
    dir: '/tmp/x',
  });
});

test('--help wins over everything else', () => {
  expect(readLocalStackSettings(['fly', '--help'], {})).toBe('help');
});

test.each([
  [[], "Expected one command, up, down, status, got ''."],
  [['fly'], "Expected one command, up, down, status, got 'fly'."],
  [['up', 'down'], "Expected one command, up, down, status, got 'up down'."],
  [['up', '--port', 'x'], "Expected --port to be a port from 1 to 65535, got 'x'."],
  [['up', '--port', '0'], "Expected --port to be a port from 1 to 65535, got '0'."],
  [['up', '--port', '65536'], "Expected --port to be a port from 1 to 65535, got '65536'."],
  [['up', '--docker', '--host'], 'Expected one of --docker, --host and --ministack, got --docker, --host.'],
  [['down', '--host'], 'Expected --host with up, got it with down.'],
  [['up', '--hots'], "Unknown option '--hots'"],
])('%j is refused, with the usage', (args, message) => {
  expect(() => readLocalStackSettings(args, {})).toThrow(message);
  expect(() => readLocalStackSettings(args, {})).toThrow('Usage: npm run localstack');
});
