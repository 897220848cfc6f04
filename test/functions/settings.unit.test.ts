import { checkRepository } from '#single-node/sidecar/git-sync/repository-address';
import { readSettings } from '../../functions/settings.ts';

const target = { service: 'service', stage: 'local' };

describe('settings by environment', () => {
  test('without variables the defaults hold, and hide a message for six times the timeout and a window of 5 s', () => {
    const settings = readSettings({}, target);
    expect(settings).toEqual({
      leaseMs: 15_000,
      visibilityTimeoutS: 65,
      maxReceiveCount: 5,
      codeLifetimeMs: 300_000,
      idempotencyInProgressMs: 30_000,
      syncIntervalMs: 10_000,
      sidecarRepository: '',
      sidecarBranch: 'main',
      cacheTtlMs: 60_000,
      clientRatePerSecond: 20,
      clientBurstCount: 100,
      clockOffsetMs: 0,
      effectTable: 'service-local-work-queue-effects',
      effectUrl: '',
      redisAddress: '',
      statsUrl: '',
      scatterGatherLeaves: 4,
      logLevel: 'info',
      workerTimeoutS: 10,
      isLocal: true,
      authorizer: '',
      adminToken: '',
      adminArns: '',
      alarmEmail: '',
      ambassadorLocalTargets: '',
      retainsData: false,
    });
    expect(settings.visibilityTimeoutS).toBeGreaterThanOrEqual(6 * settings.workerTimeoutS + 5);
  });

  test('every variable is read under its name', () => {
    const environment = {
      LEASE_MS: '1000',
      VISIBILITY_TIMEOUT_S: '30',
      MAX_RECEIVE_COUNT: '2',
      IDEMPOTENCY_IN_PROGRESS_MS: '2000',
      SYNC_INTERVAL_MS: '3000',
      SIDECAR_REPOSITORY: '/srv/shop.git',
      SIDECAR_BRANCH: 'live',
      CACHE_TTL_MS: '4000',
      CLIENT_RATE_PER_SECOND: '5',
      CLIENT_BURST_COUNT: '6',
      CLOCK_OFFSET_MS: '-60000',
      EFFECT_TABLE: 'my_table',
      EFFECT_URL: 'http://127.0.0.1:9/effects',
      SCATTER_GATHER_LEAVES: '20',
      LOG_LEVEL: 'debug',
    };
    expect(readSettings(environment, target)).toMatchObject({
      leaseMs: 1000,
      visibilityTimeoutS: 30,
      maxReceiveCount: 2,
      idempotencyInProgressMs: 2000,
      syncIntervalMs: 3000,
      sidecarRepository: '/srv/shop.git',
      sidecarBranch: 'live',
      cacheTtlMs: 4000,
      clientRatePerSecond: 5,
      clientBurstCount: 6,
      clockOffsetMs: -60_000,
      effectTable: 'my_table',
      effectUrl: 'http://127.0.0.1:9/effects',
      scatterGatherLeaves: 20,
      logLevel: 'debug',
      workerTimeoutS: 5,
    });
  });

  test.each([
    ['1', 1],
    ['6', 1],
    ['11', 1],
    ['12', 2],
    ['43200', 900],
  ])('a visibility timeout of %s s gives the worker %d s', (visibility, timeoutS) => {
    expect(readSettings({ VISIBILITY_TIMEOUT_S: visibility }, target).workerTimeoutS).toBe(timeoutS);
  });

  test('an empty variable counts as not set', () => {
    expect(readSettings({ LEASE_MS: '', LOG_LEVEL: '' }, target)).toEqual(readSettings({}, target));
  });

  test.each([
    ['LEASE_MS', '999', 'an integer from 1000 to 900000'],
    ['LEASE_MS', '1e4', 'an integer from 1000 to 900000'],
    ['VISIBILITY_TIMEOUT_S', '0', 'an integer from 1 to 43200'],
    ['VISIBILITY_TIMEOUT_S', '2.5', 'an integer from 1 to 43200'],
    ['MAX_RECEIVE_COUNT', '1001', 'an integer from 1 to 1000'],
    [
      'SIDECAR_REPOSITORY',
      'relative',
      'an https or ssh address without a password, or an absolute path on this machine',
    ],
    [
      'SIDECAR_REPOSITORY',
      'ext::sh -c x',
      'an https or ssh address without a password, or an absolute path on this machine',
    ],
    ['SIDECAR_BRANCH', '--all', 'the name of a branch'],
    ['IDEMPOTENCY_IN_PROGRESS_MS', '900001', 'an integer from 1000 to 900000'],
    ['SYNC_INTERVAL_MS', ' 5000', 'an integer from 1000 to 3600000'],
    ['CLOCK_OFFSET_MS', '86400001', 'an integer from -86400000 to 86400000'],
    ['EFFECT_TABLE', 'a/b', 'the name of a table: 3 to 255 of a-z A-Z 0-9 _ . -'],
    ['EFFECT_URL', 'ftp://host', 'an http or https address'],
    ['REDIS_ADDRESS', 'redis', 'host:port'],
    ['REDIS_ADDRESS', 'redis:0', 'host:port'],
    ['REDIS_ADDRESS', 'redis:65536', 'host:port'],
    ['STATS_URL', 'ftp://host', 'an http or https address'],
    ['LOG_LEVEL', 'loud', 'one of debug, info, warn, error'],
    ['ALARM_EMAIL', 'nobody', 'an e-mail address'],
    ['AMBASSADOR_LOCAL_TARGETS', 'http://127.0.0.1:80', 'host:port of targets, with commas between'],
    ['ADMIN_TOKEN', 'a b', '1 to 256 of a-z A-Z 0-9 - . _ ~ + / ='],
  ])('%s=%s is refused with its name, what is allowed and what was given', (name, given, allowed) => {
    expect(() => readSettings({ [name]: given }, target)).toThrow(`Expected ${name} to be ${allowed}, got '${given}'.`);
  });

  test.each(['https://user:s3cret@host/x', 'ssh://user:s3cret@host/x', 'https://s3cret@host/x', 'user:s3@cret@host:x'])(
    'a repository with credentials in its address (%s) is refused, and they are not printed',
    (given) => {
      for (const stage of ['local', 'prod']) {
        const read = (): unknown => readSettings({ SIDECAR_REPOSITORY: given }, { service: 'service', stage });
        expect(read).toThrow(/^Expected SIDECAR_REPOSITORY to be an https or ssh address without a password.*'…@host/);
        expect(read).toThrow(/^(?!.*(s3|cret)).*$/s);
      }
    },
  );

  test('a repository is what the sidecar takes: an https or ssh address, and locally http and a path besides', () => {
    const isTaken = (read: () => unknown): boolean => {
      try {
        read();
        return true;
      } catch {
        return false;
      }
    };
    const isSetting = (given: string, stage: string): boolean =>
      isTaken(() => readSettings({ SIDECAR_REPOSITORY: given }, { service: 'service', stage }));
    const good = [
      'https://host/x',
      'https://host/@scope/x',
      'https://[::1]:8443/x',
      'ssh://git@host/x',
      'ssh://host:22/~u/x',
    ];
    const goodLocally = ['http://127.0.0.1:80/x', '/srv/shop.git', '/srv/a@b'];
    const bad = [
      'https://u:p@host/x',
      'ssh://u:p@host/x',
      'http://u:p@host/x',
      'https://u@host/x',
      'https://@/x',
      'https://u:p\\@h/x',
      '/srv/../etc',
      '/srv/a b',
      'ssh://-oProxyCommand=x/y',
      'ssh://-x@host/y',
      'ssh://host/-x',
      'https:///x',
      'x',
      'https://host/x y',
      'https://host/é',
      'https://host:x/',
      'HTTPS://host/x',
      'file:///srv/shop.git',
      'ext::sh -c x',
      'git@host:x.git',
      `https://host/${'x'.repeat(2_000)}`,
    ];
    for (const each of good)
      expect([each, isSetting(each, 'local'), isSetting(each, 'prod')]).toEqual([each, true, true]);
    for (const each of goodLocally)
      expect([each, isSetting(each, 'local'), isSetting(each, 'prod')]).toEqual([each, true, false]);
    for (const each of bad)
      expect([each, isSetting(each, 'local'), isSetting(each, 'prod')]).toEqual([each, false, false]);
    for (const each of [...good, ...goodLocally])
      expect([each, isTaken(() => checkRepository(each, [each]))]).toEqual([each, true]);
    for (const each of bad.filter((text) => !text.startsWith('/srv/a b')))
      expect([each, isTaken(() => checkRepository(each, [each]))]).toEqual([each, false]);
  });

  test('all bad values are named at once', () => {
    const read = (): unknown => readSettings({ LEASE_MS: 'x', LOG_LEVEL: 'y', EFFECT_URL: 'z' }, target);
    expect(read).toThrow(/LEASE_MS.*\n.*EFFECT_URL.*\n.*LOG_LEVEL/);
  });

  test.each([
    ['local', ''],
    ['local-2', ''],
    ['localhost', 'aws_iam'],
    ['prod', 'aws_iam'],
  ])('in stage %s the routes ask for %p', (stage, authorizer) => {
    expect(readSettings({}, { service: 'service', stage })).toMatchObject({ authorizer, isLocal: authorizer === '' });
  });

  test('outside local stages admins are whom IAM knows, by exact ARNs', () => {
    const [role, user] = ['arn:aws:iam::123456789012:role/team/Ops', 'arn:aws-cn:iam::123456789012:user/ada'];
    const adminArns = (stage: string, given: string) =>
      readSettings({ ADMIN_ARNS: given }, { service: 'service', stage }).adminArns;
    expect(adminArns('prod', `${role},${user}`)).toBe(`${role},${user}`);
    expect(adminArns('prod', '')).toBe('');
    expect(adminArns('local', role)).toBe('');
    for (const bad of ['*', `${role}*`, `${role}, ${user}`, `${role},`, 'arn:aws:iam::123456789012:root', 'Ops'])
      expect(() => adminArns('prod', bad)).toThrow(`got '${bad}'`);
  });

  test('outside local stages data outlives the stack unless told otherwise', () => {
    const retainsData = (stage: string, given: string) =>
      readSettings({ RETAIN_DATA: given }, { service: 'service', stage }).retainsData;
    expect(retainsData('prod', '')).toBe(true);
    expect(retainsData('prod', 'false')).toBe(false);
    expect(retainsData('local', 'true')).toBe(false);
    expect(() => retainsData('prod', 'no')).toThrow("Expected RETAIN_DATA to be one of true, false, got 'no'.");
  });

  test('only local stages may declare targets on their machine', () => {
    const environment = { AMBASSADOR_LOCAL_TARGETS: '127.0.0.1:3000,localhost:80,[::1]:81' };
    expect(readSettings(environment, target).ambassadorLocalTargets).toBe(environment.AMBASSADOR_LOCAL_TARGETS);
    expect(readSettings(environment, { service: 'service', stage: 'prod' }).ambassadorLocalTargets).toBe('');
  });

  test('the admin routes open in local stages only', () => {
    const environment = { ADMIN_TOKEN: 'secret-1' };
    expect(readSettings(environment, target).adminToken).toBe('secret-1');
    expect(readSettings(environment, { service: 'service', stage: 'prod' }).adminToken).toBe('');
  });
});
