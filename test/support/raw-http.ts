import { connect } from 'node:net';

const TIMEOUT_MS = 10_000;

/** Sends bytes as they are, and gives what came back until the connection was closed or the answer was whole. */
export const rawHttp = (url: string, bytes: string | Buffer): Promise<string> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    let answer = '';
    const socket = connect({ host: hostname, port: Number(port), timeout: TIMEOUT_MS }, () => socket.write(bytes));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    socket.once('close', () => resolve(answer));
    socket.once('timeout', () => socket.destroy(new Error('no answer')));
    socket.once('error', reject);
  });
