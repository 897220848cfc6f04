import type { HttpResult } from './event.ts';
import { isProblem, type Answer, type AnswerHeaders, type Problem } from './handlers.ts';

/** An answer as it goes over the wire, and as it is kept for a replay. */
export interface Rendered {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: string;
}

const COMMON: AnswerHeaders = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

// What a client sent may end in a header (a location, a shard): CR and LF would end the header.
const headerText = (text: string): string => text.toWellFormed().replaceAll(/[^\x20-\x7e]/gu, encodeURIComponent);

const withCommon = (contentType: string | undefined, headers: AnswerHeaders = {}): AnswerHeaders =>
  Object.fromEntries(
    Object.entries({
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...COMMON,
      ...headers,
    }).map(([name, value]) => [name.toLowerCase(), headerText(value)]),
  );

const renderProblem = ({ kind: _, headers, members, ...common }: Problem): Rendered => ({
  status: common.status,
  headers: withCommon('application/problem+json', headers),
  body: JSON.stringify({ ...common, ...members, status: common.status }),
});

const JSON_TYPE = 'application/json';

/** What is not JSON by its type, `application/…+json` included, is text already. */
const bodyText = (body: unknown, contentType: string): string =>
  typeof body === 'string' && !/[/+]json\b/.test(contentType) ? body : JSON.stringify(body);

/**
 * Writes an answer or a problem out.
 *
 * @param contentType Of an answer that is no problem. Default: JSON.
 */
export const render = (answer: Answer | Problem, contentType = JSON_TYPE): Rendered => {
  if (isProblem(answer)) return renderProblem(answer);
  const { status, headers, body } = answer;
  if (body === undefined) return { status, headers: withCommon(undefined, headers), body: '' };
  return { status, headers: withCommon(contentType, headers), body: bodyText(body, contentType) };
};

/** The platform's form. A HEAD request gets the headers alone. */
export const toResult = ({ status, headers, body }: Rendered, more: AnswerHeaders, isHead: boolean): HttpResult => ({
  statusCode: status,
  headers: { ...headers, ...more },
  body: isHead ? '' : body,
});
