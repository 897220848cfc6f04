import type { HttpContext, HttpEvent } from '#http/event';
import { httpFunction, type HttpFunction } from '#http/http-function';
import { withSidecar } from '#single-node/sidecar/with-sidecar';
import { shellServices } from '../../shell/services.ts';
import { sidecarApi } from './api.ts';
import { sidecarHandlers } from './handlers.ts';
import { wireSidecars } from './wiring.ts';

const LIMITS = { startMs: 10_000, beforeMs: 2_000, afterMs: 1_000, stopMs: 5_000, maxPendingAfter: 100 } as const;

const make = (): HttpFunction => {
  const { parts, clock, log } = wireSidecars(process.env);
  const services = shellServices(process.env);
  const serve = httpFunction({ api: sidecarApi, handlers: () => sidecarHandlers(parts), services: () => services });
  return withSidecar(serve, { optional: [parts.config, parts.versions, parts.usage] }, { ...LIMITS, clock, log });
};

let handle: HttpFunction | undefined;

/** `/sidecar/…`, with its companions: the function's answer is the same with and without them. */
export const handler = (event: HttpEvent, context: HttpContext) => {
  handle ??= make();
  return handle(event, context);
};
