import { readHeaders, readQuery } from '#http/request-head';
import { httpContext, httpEvent } from '../../support/http-events.ts';
import { example } from './example.ts';

/** As a caller makes it by hand who knows single values only. */
const singleValued = () => {
  const {
    multiValueHeaders: _,
    multiValueQueryStringParameters: __,
    ...event
  } = httpEvent('GET', '/a', {
    headers: [
      ['Authorization', 'Bearer a'],
      ['X-One', '1'],
    ],
    query: [['q', '1']],
  });
  return event;
};

test.each([
  ['are missing', singleValued()],
  ['are null', { ...singleValued(), multiValueHeaders: null, multiValueQueryStringParameters: null }],
])('where values by list %s, the single ones count', (_, event) => {
  expect(readHeaders(event)).toEqual({ headers: { authorization: 'Bearer a', 'x-one': '1' } });
  expect(readQuery(event)).toEqual({ query: { q: '1' }, errors: {} });
});

test('where both forms are there, the lists count, which hold what the single form leaves out', () => {
  const event = { ...singleValued(), multiValueHeaders: { 'X-Many': ['a', 'b'], 'X-None': undefined } };
  expect(readHeaders(event)).toEqual({ headers: { 'x-many': 'a, b' } });
});

test.each(['problem', 'raw', 'valid'])('a header may be named kind and say %s', async (kind) => {
  const event = httpEvent('GET', '/things/a', { headers: [['kind', kind]] });
  expect(await example().call(event, httpContext())).toMatchObject({ statusCode: 200, body: '{"id":"a"}' });
});
