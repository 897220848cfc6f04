import { jsonLog } from '#primitives/json-log';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { broker, type BrokerOptions } from '#single-node/ambassador/broker';
import { experiments } from '#single-node/ambassador/experiments';
import { registry } from '#single-node/ambassador/registry';
import { shadow, type ShadowOptions } from '#single-node/ambassador/shadow';
import { splitter } from '#single-node/ambassador/splitter';
import type { ServiceAnswer, ServiceRequest, Transport } from '#single-node/ambassador/types';
import { variantCounts } from '#single-node/ambassador/variant-counts';

export type Call = Parameters<Transport>[0];

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

export const answer = (status = 200, body = '', headers: ServiceAnswer['headers'] = {}): ServiceAnswer => ({
  status,
  headers,
  body: Buffer.from(body),
});

export const request = (method = 'GET', more: Partial<ServiceRequest> = {}): ServiceRequest => ({
  method,
  path: 'a',
  query: '',
  headers: {},
  body: new Uint8Array(),
  ...more,
});

export const HOW = { deadlineMs: 8_000, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };

const READING = { refreshMs: 1_000, staleMs: 60_000, maxCount: 100 };

/** One account in memory, and hosts of the ambassador in it, which share its table and its clock and nothing else. */
export const account = (options: { readonly intercept?: Intercept } = {}) => {
  const clock = memoryClock();
  const wire = memoryWire(options);
  const table = memoryTable({ name: 'ambassador', clock, wire });
  const lines: string[] = [];
  const log = jsonLog({ clock, write: (line) => void lines.push(line) });
  let seed = 0;

  const host = (
    transport: Transport,
    more: Partial<Pick<BrokerOptions, 'retry' | 'breaker' | 'hedge'>> & Partial<ShadowOptions> = {},
  ) => {
    const random = seededRandom((seed += 1));
    const { retry, breaker, hedge, deliver = async () => undefined, graceMs = 5, maxInFlightCount = 10 } = more;
    const known = registry({
      table,
      clock,
      ...READING,
      resolve: async () => ['93.184.215.14'],
      localTargets: ['127.0.0.1:3000'],
    });
    const counts = variantCounts({
      table,
      clock,
      log,
      hostId: random.uuid(),
      flushMs: 5_000,
      keepMs: 86_400_000,
      maxSenders: 20_000,
    });
    const running = experiments({ table, clock, random, log, counts, ...READING });
    const sender = broker({
      registry: known,
      transport,
      table,
      clock,
      random,
      log,
      retry: retry ?? { attemptCount: 3, backoff: { baseMs: 50, limitMs: 500 }, ratio: 0.2, burstCount: 10 },
      breaker: breaker ?? { windowMs: 10_000, minCallCount: 10, failureRatio: 0.5, openMs: 5_000 },
      ...(hedge === undefined ? {} : { hedge }),
    });
    const copies = shadow({ deliver, clock, log, graceMs, maxInFlightCount, timeoutMs: 2_000 });
    return {
      registry: known,
      counts,
      experiments: running,
      broker: sender,
      shadow: copies,
      splitter: splitter({ experiments: running, counts, broker: sender, shadow: copies, random }),
      random,
    };
  };
  return { clock, wire, table, log, lines, host };
};

/** A service that does what it is told, and remembers what it was asked. */
export const service = (behave: (call: Call, signal: AbortSignal) => Promise<ServiceAnswer>) => {
  const calls: Call[] = [];
  const transport: Transport = async (call, signal) => {
    calls.push(call);
    return behave(call, signal);
  };
  return { transport, calls };
};
