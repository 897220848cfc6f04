import fc from 'fast-check';
import { messageFault } from '#primitives/queue-limits';
import { queueText } from '#primitives/queue-text';

const odd = fc.stringMatching(/^[\uFFFE\uFFFFa"\\u]{0,20}$/);
const anything = fc.oneof(fc.anything({ values: [odd, fc.string(), fc.double()], withNullPrototype: false }), odd);

test('any JSON becomes a body that queues take, and is read back as it was', () => {
  fc.assert(
    fc.property(anything, (value) => {
      const json = JSON.stringify({ value });
      const body = queueText(json);
      expect(messageFault({ body }, false)).toBeUndefined();
      expect(JSON.parse(body)).toEqual(JSON.parse(json));
    }),
  );
});

test('what has none of the two characters stays as it is', () => {
  const json = JSON.stringify({ a: 'é\u{1F600}\\ufffe', b: '\uFFFD' });
  expect(queueText(json)).toBe(json);
});
