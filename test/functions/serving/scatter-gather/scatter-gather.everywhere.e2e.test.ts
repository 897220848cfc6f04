import { randomUUID } from 'node:crypto';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { http, until, type HttpAnswer } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

/** A first search starts every leaf; what an indexer held when it was ended comes back after the visibility timeout. */
const PATIENCE_MS = 150_000;

interface Found {
  readonly results: readonly { readonly id: string; readonly score: number; readonly excerpt: string }[];
  readonly leaves: { readonly answered: number; readonly missing: readonly { readonly leaf: string }[] };
  readonly hedged: number;
}

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

/** A word of this run only: other documents were there before. */
const unique = (): string => `w${randomUUID().replaceAll('-', '')}`;
const url = (path: string): string => `${place.info.apiUrl}/scatter-gather${path}`;
const search = (query: Readonly<Record<string, string>>): Promise<HttpAnswer> =>
  http('GET', url(`/search?${new URLSearchParams({ deadlineMs: '8000', ...query }).toString()}`));
const post = (documents: readonly object[]): Promise<HttpAnswer> =>
  http('POST', url('/documents'), { body: { documents } });

/** Searches until all leaves have answered and so many documents are found. */
const foundAll = async (q: string, count: number): Promise<Found> => {
  const isWhole = ({ status, json }: HttpAnswer): boolean =>
    status === 200 && (json as Found).leaves.missing.length === 0 && (json as Found).results.length === count;
  const answer = await until(() => search({ q, limit: '100' }), isWhole, PATIENCE_MS, 250);
  return answer.json as Found;
};

test(
  'documents by HTTP are found by their words, the best first, one that comes again replaces itself',
  async () => {
    const word = unique();
    const documents = Array.from({ length: 30 }, (_, index) => ({
      id: `${word}/${index}`,
      text: `${`${word} `.repeat(1 + (index % 3))}number${index}`,
    }));
    expect((await post(documents)).status).toBe(202);
    const { results, leaves } = await foundAll(word, 30);
    const scores = results.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    expect(leaves.answered).toBeGreaterThan(1);
    const again = unique();
    await post([{ id: `${word}/7`, text: `${again} instead` }]);
    expect((await foundAll(again, 1)).results[0]).toMatchObject({ id: `${word}/7`, excerpt: `${again} instead` });
    await foundAll(word, 29);
  },
  2 * PATIENCE_MS,
);

test(
  'documents by queue message are found, and what cannot be read is a dead letter with the reason',
  async () => {
    const word = unique();
    const QueueUrl = place.queue('scatter-gather-documents');
    const broken = `{"documents": "${word}"}`;
    for (const MessageBody of [broken, JSON.stringify({ documents: [{ id: word, text: word }] })])
      await place.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    expect((await foundAll(word, 1)).results).toMatchObject([{ id: word }]);
    const letters = await until(
      async () => {
        const { Messages = [] } = await place.sqs.send(
          new ReceiveMessageCommand({
            QueueUrl: place.queue('scatter-gather-documents-dead-letters'),
            MaxNumberOfMessages: 10,
            MessageAttributeNames: ['All'],
            VisibilityTimeout: 1,
          }),
        );
        return Messages.filter(({ Body }) => Body === broken);
      },
      (found) => found.length > 0,
      PATIENCE_MS,
    );
    expect(letters[0]?.MessageAttributes?.['reason']?.StringValue).toContain('documents');
  },
  2 * PATIENCE_MS,
);

test(
  'a search that no leaf can answer in time is 503 and says who is missing, or it is answered',
  async () => {
    const { status, json } = await search({ q: 'anything', deadlineMs: '1', quorum: '1' });
    expect([200, 503]).toContain(status);
    if (status === 503)
      expect(json).toMatchObject({ detail: expect.stringMatching(/leaf-0 \(deadline\)|statistics|Unavailable/) });
  },
  PATIENCE_MS,
);

test.each([
  ['no words', '/search'],
  ['an empty text', '/search?q='],
  ['a limit of nothing', '/search?q=a&limit=0'],
  ['a deadline beyond the function', '/search?q=a&deadlineMs=8001'],
  ['a quorum of more leaves than there are', '/search?q=a&quorum=40'],
  ['NUL', '/search?q=%00'],
  ['half a character', '/search?q=%ff'],
  ['a parameter twice', '/search?q=a&q=b'],
])('%s is refused by field, never by 500', async (_, path) => {
  const answer = await http('GET', url(path));
  // A broken escape may be mended on the way: then it is a text like any other.
  expect(path.includes('%ff') ? [200, 400, 503] : [400]).toContain(answer.status);
});

test.each([
  ['none', []],
  ['without text', [{ id: 'a' }]],
  ['with a key of objects', [{ id: 'a', text: 'b', constructor: 1 }]],
  ['no list', 'a'],
])('documents that cannot be used are refused: %s', async (_, documents) => {
  expect((await http('POST', url('/documents'), { body: { documents } })).status).toBe(400);
});
