import type { IncomingHttpHeaders } from 'node:http';
import type { buildApp } from 'fauxqs';
import { errorAnswer } from './answers.ts';
import { isJsonObject } from './call.ts';
import { objectOf } from './operation.ts';

/** What the caller said about the object, while {@link NEUTRAL_TYPE} stands in its place. */
const SENT_TYPE = 'x-stack-content-type';
/** A type that fauxqs reads as bytes; those of SQS and SNS it would parse, and choke on, in an object too. */
const NEUTRAL_TYPE = 'application/octet-stream';

const INVALID_URI = { status: 400, code: 'InvalidURI', message: "Couldn't parse the specified URI." };

/** Whole in one segment, and without dots: on its way a URL is parsed, which resolves `..` and takes `\` for `/`. */
const oneSegment = (key: string): string => encodeURIComponent(key).replaceAll('.', '%252E');

/** A call of S3 so that its key and the type of its object reach fauxqs as they were sent. */
export const inS3Envelope = (
  url: string,
  headers: IncomingHttpHeaders,
): { readonly url: string; readonly headers: IncomingHttpHeaders } => {
  const { bucket, key } = objectOf(url, headers);
  if (bucket === '') return { url, headers };
  const queryAt = url.indexOf('?');
  const query = queryAt < 0 ? '' : url.slice(queryAt);
  return {
    url: `/${bucket}${key === '' ? '' : `/${oneSegment(key)}`}${query}`,
    // The bucket is in the path now, whichever host it came by.
    headers: {
      ...headers,
      host: 'localhost',
      'content-type': NEUTRAL_TYPE,
      [SENT_TYPE]: headers['content-type'] ?? '',
    },
  };
};

/** Makes fauxqs take calls out of their envelope before it answers them. */
export const openS3Envelope = (app: ReturnType<typeof buildApp>): void => {
  app.addHook('preHandler', (request, reply, done) => {
    const { params, raw } = request;
    if (!isJsonObject(params) || params['bucket'] === undefined) return done();
    const { [SENT_TYPE]: type } = raw.headers;
    if (typeof type === 'string' && type !== '') raw.headers['content-type'] = type;
    else delete raw.headers['content-type'];
    const { '*': key = '' } = params;
    try {
      request.params = { ...params, '*': decodeURIComponent(String(key)) };
    } catch {
      return reply.code(INVALID_URI.status).type('application/xml').send(errorAnswer('s3', INVALID_URI).body);
    }
    return done();
  });
};
