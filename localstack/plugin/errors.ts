/**
 * The template, or where it is to be set up, is at fault: for whoever wrote it to mend. The message says where, what is
 * allowed and what was given; a stack would only hide it.
 */
export class StackError extends Error {
  override readonly name = 'StackError';
}
