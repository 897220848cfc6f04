import * as v from 'valibot';
import { defineApi, route } from '#http/api';

const pattern = v.strictObject({
  name: v.string(),
  part: v.string(),
  chapter: v.optional(v.number()),
  title: v.string(),
  routes: v.array(v.string()),
  queues: v.array(v.string()),
});

/** What belongs to no pattern: the way to all of them. */
export const rootApi = defineApi({
  pattern: 'root',
  part: 'root',
  title: 'The stack',
  routes: {
    patterns: route({
      method: 'GET',
      path: '/',
      summary: 'The patterns: their routes, and the queues that take what the routes take',
      answers: { 200: v.strictObject({ patterns: v.array(pattern) }) },
    }),
    document: route({
      method: 'GET',
      path: '/openapi.json',
      summary: 'This document',
      answers: { 200: v.looseObject({ openapi: v.string() }) },
    }),
    health: route({
      method: 'GET',
      path: '/health',
      summary: 'Answers as long as functions run at all; asks nothing that they depend on',
      answers: { 200: v.strictObject({ status: v.literal('ok') }) },
    }),
  },
});
