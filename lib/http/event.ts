/**
 * What the shell reads of a REST API's Lambda proxy event (payload 1.0); `APIGatewayProxyEvent` is one.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
 */
export interface HttpEvent {
  readonly httpMethod: string;
  /** Still percent-encoded, as the client sent it. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string | undefined>> | null;
  /** Where they are missing, `headers` counts: an event made by hand may have only the single-valued form. */
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null;
  /** Decoded. */
  readonly queryStringParameters: Readonly<Record<string, string | undefined>> | null;
  /** Where they are missing, `queryStringParameters` counts. */
  readonly multiValueQueryStringParameters?: Readonly<Record<string, readonly string[] | undefined>> | null;
  readonly body: string | null;
  readonly isBase64Encoded: boolean;
  readonly requestContext: {
    /** Who calls, where an authoriser asked for it. */
    readonly identity?: {
      readonly caller?: string | null;
      readonly userArn?: string | null;
      /** Of whoever is connected to the platform. */
      readonly sourceIp?: string | null;
    } | null;
  };
}

/** What the shell reads of Lambda's context. */
export interface HttpContext {
  getRemainingTimeInMillis(): number;
}

export interface HttpResult {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  /** Headers that come more than once. */
  readonly multiValueHeaders?: Record<string, string[]>;
  readonly body: string;
  /** True for bytes that are no text. On AWS the API must have binary media types for it. */
  readonly isBase64Encoded?: boolean;
}
