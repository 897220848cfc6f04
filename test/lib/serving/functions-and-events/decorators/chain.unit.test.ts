import { decorated } from '#serving/functions-and-events/decorators/chain';
import { refuse, type Decorator } from '#serving/functions-and-events/decorators/decorator';

interface Call {
  readonly n: number;
}

/** Writes down when it is passed, on the way in and on the way out. */
const traced = (name: string, trace: string[]): Decorator<object> => ({
  before: () => {
    trace.push(`${name} in`);
    return undefined;
  },
  after: (answer) => {
    trace.push(`${name} out`);
    return answer;
  },
});

const tracedAround = (name: string, trace: string[]): Decorator<object> => ({
  around: async (_context, next) => {
    trace.push(`${name} in`);
    try {
      return await next();
    } finally {
      trace.push(`${name} out`);
    }
  },
});

const slow = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(resolve, value));

test('decorators are passed in their order on the way in and in the other order on the way out', async () => {
  const trace: string[] = [];
  const run = decorated<Call>()
    .with(traced('a', trace))
    .with(tracedAround('b', trace))
    .with(traced('c', trace))
    .with(traced('d', trace))
    .with(tracedAround('e', trace))
    .handle(({ n }) => {
      trace.push('handler');
      return n * 2;
    });
  expect(await run({ n: 21 })).toBe(42);
  expect(trace.join()).toBe('a in,b in,c in,d in,e in,handler,e out,d out,c out,b out,a out');
});

test.each([
  ['at once', <T>(value: T) => value],
  ['later', slow],
] as const)('what a decorator adds is there for those further in, and for nobody else: %s', async (_, when) => {
  const seen: object[] = [];
  const looking: Decorator<object> = {
    before: (context) => {
      seen.push(context);
      return undefined;
    },
    after: (answer, context) => {
      seen.push(context);
      return answer;
    },
  };
  const adding = (added: object): Decorator<object> => ({ before: () => when<object>(added) });
  const call = Object.freeze({ n: 1 });
  const run = decorated<Call>()
    .with(looking)
    .with(adding({ a: 1 }))
    .with(looking)
    .with(adding({ a: 2, n: 3 }))
    .with(looking)
    .handle((context) => context);
  expect(await run(call)).toEqual({ n: 3, a: 2 });
  const [first, second, third] = [{ n: 1 }, { n: 1, a: 1 }, { n: 3, a: 2 }];
  expect(seen).toEqual([first, second, third, third, second, first]);
});

test('two calls at once share nothing (typescript#5684)', async () => {
  const run = decorated<Call>()
    .with({ before: ({ n }: Call) => slow({ twice: n * 2 }) } satisfies Decorator<Call, { readonly twice: number }>)
    .with({ around: async (_context: object, next: () => Promise<unknown>) => next() } satisfies Decorator<object>)
    .handle(async (context) => slow(context));
  const answers = await Promise.all([1, 2, 3].map((n) => run({ n })));
  expect(answers).toEqual([1, 2, 3].map((n) => ({ n, twice: n * 2 })));
});

describe.each([
  ['at once', <T>(value: T) => value],
  ['later', slow],
] as const)('a refusal that comes %s', (_, when) => {
  test('is the answer: nothing further in runs, and those further out see it as they see answers', async () => {
    const trace: string[] = [];
    const refusing: Decorator<Call, object, 'no'> = {
      before: ({ n }) => (n < 0 ? (when(refuse('no' as const)) as ReturnType<typeof refuse<'no'>>) : undefined),
      after: (answer) => {
        trace.push('its own');
        return answer;
      },
    };
    const run = decorated<Call>()
      .with({ after: (answer: unknown) => `<${String(answer)}>` } satisfies Decorator<object>)
      .with(refusing)
      .with(traced('inner', trace))
      .handle(() => trace.push('handler'));
    expect(await run({ n: -1 })).toBe('<no>');
    expect(trace).toEqual([]);
    expect(await run({ n: 1 })).toBe('<2>');
    expect(trace).toEqual(['inner in', 'handler', 'inner out', 'its own']);
  });
});

describe('what is thrown, at once or later', () => {
  const failing: readonly (readonly [string, Decorator<object>])[] = [
    [
      'before',
      {
        before: () => {
          throw new RangeError('planned');
        },
      },
    ],
    ['before, later', { before: () => Promise.reject(new RangeError('planned')) }],
    [
      'after',
      {
        after: () => {
          throw new RangeError('planned');
        },
      },
    ],
    [
      'around',
      {
        around: () => {
          throw new RangeError('planned');
        },
      },
    ],
  ];
  test.each(failing)('in %s is the outcome of the call, as a rejection', async (_, decorator) => {
    const run = decorated<Call>()
      .with(decorator)
      .handle(() => 1);
    await expect(run({ n: 1 })).rejects.toThrow('planned');
  });

  test.each([0, 1, 3])('in a handler with %i decorators is the outcome of the call, as a rejection', async (count) => {
    const passing: Decorator<object> = { before: () => undefined };
    const fail = (): number => {
      throw new RangeError('planned');
    };
    const chain = decorated<Call>();
    const runs = new Map([
      [0, chain.handle(fail)],
      [1, chain.with(passing).handle(fail)],
      [3, chain.with(passing).with(passing).with(passing).handle(fail)],
    ]);
    await expect(runs.get(count)?.({ n: 1 })).rejects.toThrow('planned');
  });

  test('is seen by an around further out, which may answer instead', async () => {
    const rescuing: Decorator<object> = { around: (_context, next) => next().catch(() => 'rescued') };
    const run = decorated<Call>()
      .with(rescuing)
      .with({ after: (answer: unknown) => answer } satisfies Decorator<object>)
      .handle((): string => {
        throw new RangeError('planned');
      });
    expect(await run({ n: 1 })).toBe('rescued');
  });
});

test('a chain is a value: handlers that share its beginning do not see each other’s decorators', async () => {
  const trace: string[] = [];
  const shared = decorated<Call>().with(traced('shared', trace));
  const one = shared.with(traced('one', trace)).handle(() => 'one');
  const other = shared.handle(() => 'other');
  expect([await one({ n: 1 }), await other({ n: 1 })]).toEqual(['one', 'other']);
  expect(trace.join()).toBe('shared in,one in,one out,shared out,shared in,shared out');
});

test.each([
  [{}, 'got a value of type object'],
  [{ before: 1 }, 'got a value of type object'],
  [{ before: () => undefined, around: () => 1 }, 'got "before and around"'],
])('what is no decorator is refused when the chain is made', (decorator, got) => {
  expect(() => decorated<Call>().with(decorator as Decorator<Call>)).toThrow(
    `Expected 'decorator' to be one with before, after or both, or with around alone, ${got}.`,
  );
});
