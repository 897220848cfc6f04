/** @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (LogResult) */
const MAX_BYTES = 4_096;

/**
 * The end of an invocation's log, in base64, as `LogType: Tail` asks for it: what Lambda itself writes about it. What
 * the function wrote is not in it: the threads of the function host share one output, where nobody can tell whose a
 * line is.
 */
export const logTail = (invocation: {
  readonly requestId: string;
  readonly durationMs: number;
  readonly memoryMb: number;
  /** Why it failed, when the function said nothing of it itself. */
  readonly failure?: string;
}): string => {
  const { requestId, durationMs, memoryMb, failure } = invocation;
  const report = [
    `REPORT RequestId: ${requestId}`,
    `Duration: ${durationMs.toFixed(2)} ms`,
    `Billed Duration: ${Math.ceil(durationMs)} ms`,
    `Memory Size: ${memoryMb} MB`,
  ].join('\t');
  const lines = [
    `START RequestId: ${requestId} Version: $LATEST`,
    ...(failure === undefined ? [] : [failure]),
    `END RequestId: ${requestId}`,
    report,
    '',
  ];
  return Buffer.from(lines.join('\n')).subarray(-MAX_BYTES).toString('base64');
};
