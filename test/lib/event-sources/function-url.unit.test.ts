import { BAD_GATEWAY, functionUrlResponse } from '#event-sources/function-url';

test('an answer without a status is the body, with status 200', () => {
  expect(functionUrlResponse('{"a":1}')).toMatchObject({ status: 200, body: '{"a":1}' });
  expect(functionUrlResponse('"text"')).toMatchObject({ status: 200, body: 'text' });
  expect(functionUrlResponse('null')).toMatchObject({ status: 200, body: 'null' });
});

test('no answer at all is the same as null, as it is of a batch', () => {
  expect(functionUrlResponse('')).toEqual(functionUrlResponse('null'));
});

test('an answer that cannot be a response is a bad gateway', () => {
  for (const payload of ['no JSON', '{"statusCode": 99}', '{"statusCode": "x"}'])
    expect(functionUrlResponse(payload)).toBe(BAD_GATEWAY);
});
