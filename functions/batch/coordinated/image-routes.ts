import * as v from 'valibot';
import { regions } from '#batch/coordinated/images/messages';
import { route } from '#http/api';
import { ofResource, source } from '../schemas.ts';
import { count } from '../../shell/schemas.ts';

export const imageRoutes = {
  createImages: route({
    method: 'POST',
    path: '/coordinated/images',
    summary: 'Tag, blur and shrink all images under a prefix, delete the originals behind that, and report the colours',
    body: v.strictObject({
      source: v.strictObject({ bucket: v.optional(source.entries.bucket), prefix: source.entries.prefix }),
      blur: v.optional(regions),
      keepOriginals: v.optional(v.boolean()),
    }),
    answers: { 202: v.strictObject({ imagesId: v.string() }) },
    problems: [400],
    idempotent: true,
  }),
  images: route({
    method: 'GET',
    path: '/coordinated/images/{id}',
    summary: 'How far the images are, which of them failed and why, and at the end how many have which dominant colour',
    params: ofResource,
    answers: {
      200: v.strictObject({
        imagesId: v.string(),
        status: v.picklist(['listing', 'running', 'done', 'failed']),
        total: v.nullable(count),
        done: count,
        failed: v.array(v.strictObject({ key: v.string(), reason: v.string() })),
        report: v.optional(v.record(v.string(), count)),
        reason: v.optional(v.string()),
      }),
    },
    problems: [404],
  }),
} as const;
