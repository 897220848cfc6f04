import type { Invoker } from '#primitives/invoker';
import { onEveryBackend } from '../support/backends.ts';

const INVALID = { code: 'primitives/invalid-argument' };

onEveryBackend('invoker', (backend, promise) => {
  let invoker: Invoker;
  beforeEach(async () => {
    invoker = await backend().invoker();
  });

  promise(
    'gives the answer of a function',
    async () => {
      const payload = { text: 'ü \u{1F600}', list: [1, null, { a: true }] };
      expect(await invoker.invoke('echo', payload)).toEqual({ status: 'answered', payload });
      expect(await invoker.invoke('echo', null)).toEqual({ status: 'answered', payload: null });
    },
    'functions',
  );

  promise(
    'gives the failure of a function as a value',
    async () => {
      const failure = { status: 'failed', errorType: 'TypeError', message: 'broken' };
      expect(await invoker.invoke('fail', {})).toEqual(failure);
    },
    'functions',
  );

  promise(
    'tells that a function was not started because too many of it run',
    async () => {
      expect(await invoker.invoke('full', {})).toEqual({ status: 'throttled' });
    },
    'functions',
  );

  promise(
    'accepts a call whose end it does not wait for',
    async () => {
      expect(await invoker.invokeAsync('echo', { n: 1 })).toEqual({ status: 'accepted' });
    },
    'functions',
  );

  promise('refuses a function that does not exist, and payloads beyond the limits', async () => {
    await expect(invoker.invoke('no-such-function', {})).rejects.toMatchObject(INVALID);
    await expect(invoker.invokeAsync('no-such-function', {})).rejects.toMatchObject(INVALID);
    await expect(invoker.invoke('echo', 'x'.repeat(6_291_456))).rejects.toMatchObject(INVALID);
    await expect(invoker.invokeAsync('echo', 'x'.repeat(1_048_576))).rejects.toMatchObject(INVALID);
  });

  promise(
    'says that the outcome is unknown when the answer was lost, after one attempt',
    async () => {
      backend().inject({ operation: 'Invoke', kind: 'lose-answer', times: 1 });
      const lost = invoker.invoke('echo', {});
      await expect(lost).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
    },
    'functions',
  );

  promise('stops waiting when it is aborted, with the reason of the abort', async () => {
    const reason = new Error('enough');
    await expect(invoker.invoke('echo', {}, AbortSignal.abort(reason))).rejects.toBe(reason);
    const aborted = new AbortController();
    const waiting = invoker.invoke('echo', {}, aborted.signal);
    aborted.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});
