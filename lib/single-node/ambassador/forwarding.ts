import { isClimbing } from './registry.ts';
import type { HeaderValues, Service, ServiceRequest } from './types.ts';

/** How long the sender waits, in milliseconds from when it was sent: no clock of one host is compared with another's. */
const DEADLINE_HEADER = 'x-deadline-ms';
/** Who handed it on. @see https://www.rfc-editor.org/rfc/rfc9110#section-7.6.3 */
const VIA = 'via';
const OWN_VIA = '1.1 ambassador';
/** A service may be behind another ambassador, and that one behind a third. What comes by more is going round. */
const MAX_HOPS = 4;

/** Credentials for the ambassador are not for whoever is behind it. */
const OURS = new Set(['authorization', DEADLINE_HEADER, 'traceparent', 'x-shadow']);

/** Methods that may be sent twice. @see https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2 */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Whether sending it twice does no harm: by its method, or because the service will know it again by its key. */
export const isIdempotent = ({ method, headers }: Pick<ServiceRequest, 'method' | 'headers'>): boolean =>
  IDEMPOTENT.has(method) || (headers['idempotency-key']?.[0] ?? '') !== '';

/** How long the sender says that he waits; undefined when he does not, or writes no number from 1 on. */
export const deadlineOf = ({ [DEADLINE_HEADER]: values = [] }: HeaderValues): number | undefined =>
  values.length === 1 && /^[1-9]\d{0,7}$/.test(values[0] ?? '') ? Number(values[0]) : undefined;

/** True for a request that has come by here too often. */
export const isGoingRound = ({ [VIA]: values = [] }: HeaderValues): boolean =>
  values.flatMap((value) => value.split(',')).filter((hop) => hop.trim() === OWN_VIA).length >= MAX_HOPS;

/** The path at the target, or undefined for one that some server could take for another one. */
export const pathAt = ({ target }: Pick<Service, 'target'>, { path, query }: ServiceRequest): string | undefined => {
  const written = path.toWellFormed().replaceAll(/[^\x21-\x7e]/gu, encodeURIComponent);
  if (/[?#\\]/.test(written) || isClimbing(written)) return undefined;
  const below = written === '' ? target.basePath || '/' : `${target.basePath}/${written}`;
  return query === '' ? below : `${below}?${query}`;
};

/** What goes on, and what the ambassador says beside it. */
export const headersFor = (
  { headers }: ServiceRequest,
  more: { readonly traceparent: string; readonly remainingMs: number; readonly isShadow?: boolean },
): HeaderValues => ({
  ...Object.fromEntries(Object.entries(headers).filter(([name]) => !OURS.has(name))),
  [VIA]: [...(headers[VIA] ?? []), OWN_VIA],
  [DEADLINE_HEADER]: [String(Math.max(1, Math.floor(more.remainingMs)))],
  traceparent: [more.traceparent],
  ...(more.isShadow === true ? { 'x-shadow': ['true'] } : {}),
});
