import { randomUUID } from 'node:crypto';
import type { Answer, Service } from './call.ts';

const JSON_TYPE: Readonly<Record<Service, string>> = Object.freeze({
  sqs: 'application/x-amz-json-1.0',
  dynamodb: 'application/x-amz-json-1.0',
  dynamodbstreams: 'application/x-amz-json-1.0',
  events: 'application/x-amz-json-1.1',
  scheduler: 'application/json',
  lambda: 'application/json',
  sns: 'text/xml',
  s3: 'application/xml',
  sts: 'text/xml',
});

/** How the services spell the type of an error in their JSON. */
const TYPE_PREFIX: Partial<Readonly<Record<Service, string>>> = Object.freeze({
  sqs: 'com.amazonaws.sqs#',
  dynamodb: 'com.amazonaws.dynamodb.v20120810#',
  dynamodbstreams: 'com.amazonaws.dynamodb.v20120810#',
});

/** An answer in the JSON of the service. */
export const jsonAnswer = (service: Service, status: number, body: unknown): Answer => ({
  status,
  headers: { 'content-type': JSON_TYPE[service], 'x-amzn-requestid': randomUUID() },
  body: JSON.stringify(body),
});

export const escapeXml = (text: string): string =>
  text.replace(/[<>&"']/g, (character) => `&#${character.codePointAt(0) ?? 0};`);

const xmlError = (service: 's3' | 'sns' | 'sts', error: AwsError): string => {
  const inner = `<Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message>`;
  if (service === 's3') return `<?xml version="1.0" encoding="UTF-8"?>\n<Error>${inner}</Error>`;
  const type = error.status < 500 ? 'Sender' : 'Receiver';
  return `<ErrorResponse><Error><Type>${type}</Type>${inner}</Error><RequestId>${randomUUID()}</RequestId></ErrorResponse>`;
};

export interface AwsError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  /** Further members of the error, e.g. `Reason`. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** An error in the shape in which the service's own clients expect it. */
export const errorAnswer = (service: Service, error: AwsError): Answer => {
  if (service === 's3' || service === 'sns' || service === 'sts')
    return { status: error.status, headers: { 'content-type': JSON_TYPE[service] }, body: xmlError(service, error) };
  if (service === 'lambda' || service === 'scheduler') {
    const type = error.status < 500 ? 'User' : 'Service';
    const answer = jsonAnswer(service, error.status, { Type: type, message: error.message, ...error.members });
    return { ...answer, headers: { ...answer.headers, 'x-amzn-errortype': error.code } };
  }
  const answer = jsonAnswer(service, error.status, {
    __type: `${TYPE_PREFIX[service] ?? ''}${error.code}`,
    message: error.message,
    ...error.members,
  });
  if (service !== 'sqs') return answer;
  // Clients of SQS read the older protocol's code from this header.
  const fault = error.status < 500 ? 'Sender' : 'Receiver';
  return { ...answer, headers: { ...answer.headers, 'x-amzn-query-error': `${error.code};${fault}` } };
};

/** What a service answers when it is itself at fault. */
export const serverFault = (service: Service, message: string): Answer => {
  const codes: Readonly<Record<Service, string>> = {
    sqs: 'InternalError',
    sns: 'InternalError',
    s3: 'InternalError',
    sts: 'InternalFailure',
    dynamodb: 'InternalServerError',
    dynamodbstreams: 'InternalServerError',
    events: 'InternalException',
    scheduler: 'InternalServerException',
    lambda: 'ServiceException',
  };
  return errorAnswer(service, { status: 500, code: codes[service], message });
};
