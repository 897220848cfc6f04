import type { Bus, BusEvent } from '#primitives/bus';
import { onEveryBackend } from '../support/backends.ts';

const SOURCE = 'distributed-patterns.contract';
const events = (count: number): readonly BusEvent[] =>
  Array.from({ length: count }, (_, n) => ({ source: SOURCE, type: 'counted', detail: { n, text: 'ü \u{1F600}' } }));

onEveryBackend('bus', (backend, promise) => {
  let bus: Bus;
  beforeEach(async () => {
    bus = await backend().bus();
  });

  promise('accepts more than ten events at once, and tells of each', async () => {
    expect(await bus.publish(events(25))).toEqual(events(25).map(() => ({ ok: true })));
    expect(await bus.publish([])).toEqual([]);
  });

  promise('names the events at fault, not retryable, and publishes the others', async () => {
    const [good] = events(1);
    const outcomes = await bus.publish([
      { source: 'aws.s3', type: 't', detail: {} },
      { source: SOURCE, type: '', detail: {} },
      { source: SOURCE, type: 'x'.repeat(129), detail: {} },
      { source: SOURCE, type: 'large', detail: { text: 'x'.repeat(1_048_576) } },
      { source: SOURCE, type: 'no JSON', detail: { list: [Number.NaN] } },
      { source: SOURCE, type: 'no JSON', detail: { big: 1n } as never },
      ...(good === undefined ? [] : [good]),
      { source: SOURCE, type: 'timed', detail: {}, atMs: 1_700_000_000_000 },
    ]);
    expect(outcomes.map(({ ok }) => ok)).toEqual([false, false, false, false, false, false, true, true]);
    expect(outcomes.every((outcome) => outcome.ok || !outcome.retryable)).toBe(true);
  });

  promise('reports a call that fails as a whole on each of its events, retryable', async () => {
    for (const kind of ['throttle', 'lose-answer'] as const) {
      backend().inject({ operation: 'PutEvents', kind });
      const outcomes = await bus.publish(events(2));
      expect(outcomes).toMatchObject([
        { ok: false, retryable: true },
        { ok: false, retryable: true },
      ]);
    }
  });
});
