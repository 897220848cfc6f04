import { rateLimitHeaders } from '#serving/replicated/rate-limit-headers';

const quota = { ratePerSecond: 20, burstCount: 100 };

test('who is let through is told the policy and what is left', () => {
  const decision = { status: 'allowed', remainingCount: 60, resetMs: 2_000 } as const;
  expect(rateLimitHeaders([{ name: 'client', quota, decision }])).toEqual({
    'ratelimit-policy': '"client";q=100;w=5',
    ratelimit: '"client";r=60;t=2',
  });
});

test('who is refused is told when to come again, by the limit that refuses for longest, in whole seconds', () => {
  const allowed = { status: 'allowed', remainingCount: 1, resetMs: 10 } as const;
  const refused = { status: 'refused', remainingCount: 0, resetMs: 5_000, retryAfterMs: 1_001 } as const;
  expect(
    rateLimitHeaders([
      { name: 'client', quota, decision: allowed },
      { name: 'all', quota: { ratePerSecond: 0.3, burstCount: 1 }, decision: refused },
    ]),
  ).toEqual({
    'ratelimit-policy': '"client";q=100;w=5, "all";q=1;w=4',
    ratelimit: '"client";r=1;t=1, "all";r=0;t=5',
    'retry-after': '2',
  });
});

test.each(['', 'a"b', 'a\\b', 'a\r\nset-cookie: x', '\u0000', 'é', 'x'.repeat(129)])(
  'the name %j cannot stand in a header',
  (name) => {
    const decision = { status: 'allowed', remainingCount: 1, resetMs: 10 } as const;
    expect(() => rateLimitHeaders([{ name, quota, decision }])).toThrow(
      "Expected 'name' to be 1 to 128 visible characters",
    );
  },
);
