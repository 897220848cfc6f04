import { request } from 'node:http';
import { PatternError } from '#primitives/errors';

/** An event of the Extensions API. Others than these two are told apart by `kind: 'unknown'`. */
export type ExtensionEvent =
  | { readonly kind: 'invoke'; readonly requestId: string; readonly deadlineAtMs: number }
  | { readonly kind: 'shutdown'; readonly reason: string; readonly deadlineAtMs: number }
  | { readonly kind: 'unknown'; readonly eventType: string };

/** The Extensions API, spoken by one registered extension. Everything rejects with {@link PatternError}. */
export interface ExtensionApi {
  /** Blocks until there is an event, however long that is. Asking is what tells Lambda that the last one is dealt with. */
  next(): Promise<ExtensionEvent>;
  /** Says that the start failed. No call succeeds afterwards. */
  initError(type: string, message: string): Promise<void>;
  /** Says that the extension ends although nobody asked it to. No call succeeds afterwards. */
  exitError(type: string, message: string): Promise<void>;
}

interface Call {
  readonly address: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
  readonly signal: AbortSignal;
}

interface Reply {
  readonly status: number;
  readonly identifier: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

const PREFIX = '/2020-01-01/extension';
const MAX_BODY_BYTES = 1_048_576;

const failure = (what: string, cause?: unknown): PatternError => new PatternError('sidecar/extension', what, { cause });

const asObject = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
};

/**
 * By node:http, which waits without end: the poll may take hours, and `fetch` gives up after five minutes, which would
 * leave the environment waiting for an extension that polls no more.
 *
 * @see https://github.com/getsentry/sentry-javascript/issues/24218
 */
const send = ({ address, method, path, headers, body, signal }: Call): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(failure(`${method} ${path} of the Extensions API failed`, error));
    const text = body === undefined ? undefined : JSON.stringify(body);
    const url = new URL(`http://${address}${PREFIX}${path}`);
    const outgoing = request(url, { method, headers, agent: false, signal }, (incoming) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      incoming.on('data', (part: Buffer) => {
        bytes += part.length;
        if (bytes <= MAX_BODY_BYTES) parts.push(part);
        else incoming.destroy(failure('The answer is too long'));
      });
      incoming.once('error', fail);
      incoming.once('end', () => {
        const id = incoming.headers['lambda-extension-identifier'];
        resolve({
          status: incoming.statusCode ?? 0,
          identifier: typeof id === 'string' ? id : undefined,
          body: asObject(Buffer.concat(parts).toString()),
        });
      });
    });
    outgoing.once('error', fail);
    outgoing.end(text);
  });

const eventOf = (body: Readonly<Record<string, unknown>>): ExtensionEvent => {
  const { eventType, requestId, deadlineMs, shutdownReason } = body;
  const deadlineAtMs = Number(deadlineMs);
  if (eventType === 'INVOKE' && typeof requestId === 'string') return { kind: 'invoke', requestId, deadlineAtMs };
  if (eventType === 'SHUTDOWN') return { kind: 'shutdown', reason: String(shutdownReason), deadlineAtMs };
  return { kind: 'unknown', eventType: String(eventType).slice(0, 64) };
};

/**
 * Registers an external extension for INVOKE and SHUTDOWN.
 *
 * @param options.address Host and port, as in `AWS_LAMBDA_RUNTIME_API`.
 * @param options.name The file name of the executable in `/opt/extensions`: Lambda refuses another.
 * @param options.signal Ends every call, also the one that waits for the next event.
 * @throws {@link PatternError} `sidecar/extension` when it is refused or nobody answers
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
 */
export const registerExtension = async (options: {
  readonly address: string;
  readonly name: string;
  readonly signal: AbortSignal;
}): Promise<ExtensionApi> => {
  const { address, name, signal } = options;
  const registered = await send({
    address,
    method: 'POST',
    path: '/register',
    headers: { 'lambda-extension-name': name, 'content-type': 'application/json' },
    body: { events: ['INVOKE', 'SHUTDOWN'] },
    signal,
  });
  const { identifier } = registered;
  if (registered.status !== 200 || identifier === undefined) {
    throw failure(`Lambda refused to register the extension ${name} (status ${registered.status})`);
  }
  const own = { 'lambda-extension-identifier': identifier };

  const report = async (path: string, type: string, message: string): Promise<void> => {
    const headers = { ...own, 'lambda-extension-function-error-type': type, 'content-type': 'application/json' };
    const body = { errorType: type, errorMessage: message, stackTrace: [] };
    const { status } = await send({ address, method: 'POST', path, headers, body, signal });
    if (status !== 202) throw failure(`Lambda did not take the error (status ${status})`);
  };

  return Object.freeze({
    next: async () => {
      const { status, body } = await send({ address, method: 'GET', path: '/event/next', headers: own, signal });
      if (status !== 200) throw failure(`Lambda gave no next event (status ${status})`);
      return eventOf(body);
    },
    initError: (type: string, message: string) => report('/init/error', type, message),
    exitError: (type: string, message: string) => report('/exit/error', type, message),
  });
};
