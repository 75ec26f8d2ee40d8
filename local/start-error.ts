// What stops a start and what the user can do about it: printed as one line, without a stack.

export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The sentence of an error, whatever was thrown. */
export function sentenceOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ');
}
