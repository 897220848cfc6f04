import { createServer } from 'node:http';

/** Receives what the worker `record` posts to EFFECT_URL, and refuses chosen items until it is mended. */
export interface EffectSink {
  readonly url: string;
  /** How many different keys were accepted, and how many posts there were in all. */
  keys(): ReadonlySet<string>;
  /** From now on nothing is refused. */
  mend(): void;
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 256 * 1024;

/** @param refuses Asked with the idempotency key of an item, `<jobId>/<id>`. */
export const startEffectSink = async (refuses: (key: string) => boolean): Promise<EffectSink> => {
  const accepted = new Set<string>();
  let mended = false;
  const server = createServer((request, response) => {
    const key = decodeURI(String(request.headers['idempotency-key'] ?? ''));
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) request.destroy();
    });
    request.on('end', () => {
      const refused = key === '' || (!mended && refuses(key));
      if (!refused) accepted.add(key);
      response.writeHead(refused ? 500 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/effects`,
    keys: () => accepted,
    mend: () => {
      mended = true;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
