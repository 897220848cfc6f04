import type { Admins } from '#http/admin';
import { httpContext, httpEvent } from '../../support/http-events.ts';
import { example } from './example.ts';

const ROLE = 'arn:aws:iam::123456789012:role/teams/Ops';
const USER = 'arn:aws:iam::123456789012:user/people/ada';
const adminArns = [ROLE, USER];

const statusFor = async (userArn: string | undefined, admins: Admins = { adminArns }, token?: string) => {
  const headers: [string, string][] = token === undefined ? [] : [['authorization', `Bearer ${token}`]];
  const event = httpEvent('DELETE', '/things', { headers, ...(userArn === undefined ? {} : { userArn }) });
  return (await example(admins).call(event, httpContext())).statusCode;
};

describe('admins whom IAM knows', () => {
  test.each([
    ['the user', USER],
    ['any session of the role, which lacks its path', 'arn:aws:sts::123456789012:assumed-role/Ops/alice'],
    ['the role itself', ROLE],
  ])('%s is let in', async (_, userArn) => expect(await statusFor(userArn)).toBe(204));

  test.each([
    ['nobody', undefined],
    ['a nameless caller', ''],
    ['a role of the same name elsewhere', 'arn:aws:sts::999999999999:assumed-role/Ops/alice'],
    ['a role in another partition', 'arn:aws-cn:sts::123456789012:assumed-role/Ops/alice'],
    ['a role whose session has the name', 'arn:aws:sts::123456789012:assumed-role/Dev/Ops'],
    ['a role whose name begins like it', 'arn:aws:sts::123456789012:assumed-role/OpsReadOnly/alice'],
    ['a user with the name of the role', 'arn:aws:iam::123456789012:user/Ops'],
    ['a user of that name with another path', 'arn:aws:iam::123456789012:user/ada'],
    ['the account', 'arn:aws:iam::123456789012:root'],
  ])('%s is refused with 403', async (_, userArn) => expect(await statusFor(userArn)).toBe(403));

  test('a session among them is that session alone, and not its role', async () => {
    const session = 'arn:aws:sts::123456789012:assumed-role/Dev/alice';
    const admins = { adminArns: [session] };
    expect(await statusFor(session, admins)).toBe(204);
    for (const other of [
      'arn:aws:sts::123456789012:assumed-role/Dev/bob',
      'arn:aws:iam::123456789012:role/Dev',
      'arn:aws:iam::123456789012:role/teams/Dev',
    ])
      expect(await statusFor(other, admins)).toBe(403);
  });

  test.each([[undefined], [[]]])('with %j as list nobody is', async (arns) => {
    expect(await statusFor(USER, arns === undefined ? {} : { adminArns: arns })).toBe(403);
  });

  test('a token opens nothing where none is configured', async () => {
    expect(await statusFor(undefined, { adminArns }, 'undefined')).toBe(403);
    expect(await statusFor(undefined, { adminArns, adminToken: '' }, 'let-me-in')).toBe(403);
  });
});
