/** The HTTP shell: typed routes whose schemas validate the requests and make the OpenAPI document. */
export { defineApi, route, type Api, type Method, type Route, type Schema } from './api.ts';
export type { HttpContext, HttpEvent, HttpResult } from './event.ts';
export {
  isProblem,
  problem,
  retryAfter,
  type Answer,
  type FieldErrors,
  type Handler,
  type Handlers,
  type Problem,
  type Request,
} from './handlers.ts';
export { httpFunction, type HttpFunction, type HttpFunctionOptions, type HttpServices } from './http-function.ts';
export { openApi } from './open-api.ts';
export type { HeaderValues } from './end-to-end.ts';
export type { RawAnswer, RawRequest } from './raw.ts';
export { id, integerText } from './schemas.ts';
