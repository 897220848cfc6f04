import { InvalidPatternError } from '#event-sources/pattern';
import { compileSnsFilter } from '#event-sources/sns-filter';

const policy = (bound: number) => JSON.stringify({ price: [{ numeric: ['>=', 0, '<', bound] }] });

test.each(['MessageAttributes', 'MessageBody'] as const)(
  'numbers of a policy on %s are from -1e9 to 1e9, unlike those of a pattern of EventBridge',
  (scope) => {
    expect(() => compileSnsFilter(policy(1e9), scope)).not.toThrow();
    expect(() => compileSnsFilter(policy(1e9 + 1), scope)).toThrow(InvalidPatternError);
    const either = JSON.stringify({ $or: [{ price: [{ numeric: ['=', -2e9] }] }, { name: ['x'] }] });
    expect(() => compileSnsFilter(either, scope)).toThrow("Expected 'numeric' to be of numbers from -1e9 to 1e9");
  },
);
