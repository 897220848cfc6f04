import { awsConcurrencyLimit } from '#primitives/aws/concurrency-limit';
import { awsInvoker } from '#primitives/aws/invoker';
import { awsObjects } from '#primitives/aws/objects';
import { startAnsweringServer, type Answer } from '../../../support/answering-server.ts';

test('an object whose body is cut off is unavailable, and reading it again is right', async () => {
  const cut: Answer = (response) => {
    response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
  };
  const whole: Answer = (response) => void response.end('whole');
  const { clients, stop } = await startAnsweringServer([cut, whole]);
  const objects = awsObjects({ name: 'bucket', clients });
  try {
    await expect(objects.get('key')).rejects.toMatchObject({ code: 'primitives/unavailable', retryable: true });
    expect(Buffer.from((await objects.get('key'))?.body ?? []).toString()).toBe('whole');
  } finally {
    await stop();
  }
});

test('a function whose answer is no JSON ran: the outcome is unknown, and the error does not quote it', async () => {
  const { clients, stop } = await startAnsweringServer([(response) => void response.end('SECRET')]);
  try {
    const error: unknown = await awsInvoker({ clients })
      .invoke('fn', {})
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'primitives/outcome-unknown', retryable: true });
    expect(String(error)).not.toContain('SECRET');
    expect((error as Error).cause).toBeUndefined();
  } finally {
    await stop();
  }
});

test('a limit that Lambda would refuse rejects, as every failure of the call does', async () => {
  const { clients, attempts, stop } = await startAnsweringServer([(response) => void response.end()]);
  try {
    const set = awsConcurrencyLimit({ mappingId: 'uuid', clients }).set(1);
    await expect(set).rejects.toMatchObject({ code: 'primitives/invalid-argument' });
    expect(attempts()).toBe(0);
  } finally {
    await stop();
  }
});
