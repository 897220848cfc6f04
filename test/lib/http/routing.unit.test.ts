import * as v from 'valibot';
import { defineApi, route } from '#http/api';
import { router } from '#http/routing';

const answers = { 200: v.string() };

const match = router(
  defineApi({
    pattern: 'p',
    part: 'root',
    title: 't',
    routes: {
      literal: route({ method: 'ANY', path: '/a', summary: 's', answers }),
      parameter: route({ method: 'GET', path: '/{x}', summary: 's', answers }),
      change: route({ method: 'PUT', path: '/{y}', summary: 's', answers }),
      literalChange: route({ method: 'POST', path: '/b', summary: 's', answers }),
      rest: route({ method: 'ANY', path: '/{z+}', summary: 's', answers }),
    },
  }),
);

describe('the path is chosen first, then the method', () => {
  test.each([
    ['GET', '/a', 'literal'],
    ['PUT', '/a', 'literal'],
    ['HEAD', '/a', 'literal'],
    ['GET', '/c', 'parameter'],
    ['HEAD', '/c', 'parameter'],
    ['PUT', '/c', 'change'],
    ['POST', '/b', 'literalChange'],
    ['GET', '/c/d', 'rest'],
  ])('%s %s goes to %s', (method, path, name) => {
    expect(match(method, path)).toMatchObject({ kind: 'route', name });
  });

  test.each([
    ['GET', '/b', ['POST', 'OPTIONS']],
    ['DELETE', '/c', ['GET', 'PUT', 'HEAD', 'OPTIONS']],
  ])('%s %s goes nowhere: a less exact path does not take what the most exact one refuses', (method, path, allow) => {
    expect(match(method, path)).toEqual({ kind: 'elsewhere', allow });
  });
});
