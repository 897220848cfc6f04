import fc from 'fast-check';
import { stickyRouter, type Target } from '#serving/replicated/sticky-router';

const ready = (...names: readonly string[]): readonly Target[] => names.map((name) => ({ name, isReady: true }));
const SESSIONS = Array.from({ length: 1_000 }, (_, index) => `session-${index}`);

test('a session stays on its replica as long as that is ready, whatever comes and goes beside it', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8 }), (names) => {
      let replicas = ready(...names.filter((name) => name.isWellFormed()), 'x');
      const route = stickyRouter({ replicas: () => replicas });
      const first = route('s');
      replicas = [...ready('new-1', 'new-2'), ...replicas.filter(({ name }) => name === first?.replica)];
      expect(route('s', first?.token)).toEqual({ ...first, hasMoved: false });
    }),
  );
});

test('when a replica drains, its sessions move, evenly, and no others', () => {
  let replicas = ready('a', 'b', 'c', 'd');
  const route = stickyRouter({ replicas: () => replicas });
  const before = new Map(SESSIONS.map((id) => [id, route(id)]));
  replicas = replicas.map((replica) => (replica.name === 'b' ? { ...replica, isReady: false } : replica));
  const movedTo = new Map<string, number>();
  for (const [id, placement] of before) {
    const next = route(id, placement?.token);
    expect(next?.hasMoved).toBe(placement?.replica === 'b');
    if (next?.hasMoved === true) movedTo.set(next.replica, (movedTo.get(next.replica) ?? 0) + 1);
    else expect(next?.replica).toBe(placement?.replica);
  }
  expect([...movedTo.keys()].toSorted()).toEqual(['a', 'c', 'd']);
  for (const count of movedTo.values()) expect(count).toBeGreaterThan(40);
});

test('sessions without a token are spread over all, and all hosts agree on where', () => {
  const counts = new Map<string, number>();
  const one = stickyRouter({ replicas: () => ready('a', 'b', 'c', 'd') });
  const other = stickyRouter({ replicas: () => ready('d', 'c', 'b', 'a') });
  for (const id of SESSIONS) {
    const placement = one(id);
    expect(other(id)).toEqual(placement);
    counts.set(placement?.replica ?? '', (counts.get(placement?.replica ?? '') ?? 0) + 1);
  }
  for (const count of counts.values()) expect(Math.abs(count - 250)).toBeLessThan(60);
});

test('a forged token is as good as none, and where nobody is ready nobody is named', () => {
  const route = stickyRouter({ replicas: () => ready('a', 'b') });
  expect(route('s', 'forged')?.replica).toBe(route('s')?.replica);
  expect(stickyRouter({ replicas: () => [] })('s')).toBeUndefined();
});
