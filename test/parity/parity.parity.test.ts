import { GROUPS } from './groups.ts';
import { openPlace } from './places.ts';

const ROW_TIMEOUT_MS = 60_000;
const CLOSE_TIMEOUT_MS = 60_000;

const wanted = new RegExp(process.env['PARITY_ROWS'] ?? '', 'u');
// Concurrent tests start before any hook: the place must be there before they are named.
const place = await openPlace(process.env);
afterAll(() => place.close(), CLOSE_TIMEOUT_MS);

for (const { subject, rows } of GROUPS)
  for (const { title, run, timeoutMs = ROW_TIMEOUT_MS } of rows) {
    const name = `${subject}: ${title}`;
    // oxlint-disable-next-line jest/expect-expect, jest/valid-title -- a row holds both
    if (wanted.test(name)) test.concurrent(name, () => run(place), timeoutMs);
  }
