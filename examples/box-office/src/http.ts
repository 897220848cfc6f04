import { httpFunction } from 'distributed-patterns/http';
import { boxOfficeApi } from './api.ts';
import { services, wireHandlers } from './wiring.ts';

export const handler = httpFunction({ api: boxOfficeApi, handlers: wireHandlers, services });
