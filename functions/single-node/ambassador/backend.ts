import { defineApi, route } from '#http/api';
import type { RawRequest } from '#http/raw';
import { httpFunction } from '#http/http-function';
import { shellServices, variable } from '../../shell/services.ts';

/** A service for the ambassador to speak to: tells what it was asked, and answers `/status/{code}` with that status. */
const service = variable(process.env, 'SERVICE_NAME');

const statusOf = (rest: string): number => {
  const code = Number(/^status\/([2-5]\d\d)$/.exec(rest)?.[1]);
  return Number.isInteger(code) ? code : 200;
};

const answer = ({ method, rest, query, headers, body }: RawRequest): string => {
  const { 'x-deadline-ms': [deadlineMs] = [] } = headers;
  return JSON.stringify({
    service,
    method,
    path: `/${rest}`,
    query,
    body: Buffer.from(body).toString(),
    ...(deadlineMs === undefined ? {} : { deadlineMs: Number(deadlineMs) }),
  });
};

const api = defineApi({
  pattern: `ambassador-${service}`,
  part: 'root',
  title: 'A service for the ambassador',
  routes: {
    any: route({
      method: 'ANY',
      path: `/ambassador-${service}/{proxy+}`,
      summary: 'Tells what it was asked',
      answers: {},
      raw: true,
    }),
  },
});

/** `/ambassador-<service>/…`: not part of the pattern, but what it is shown with. */
export const handler = httpFunction({
  api,
  handlers: () => ({
    any: async ({ raw }) => ({
      kind: 'raw',
      status: statusOf(raw.rest),
      headers: { 'content-type': ['application/json'] },
      body: Buffer.from(answer(raw)),
    }),
  }),
  services: () => shellServices(process.env),
});
