// A client that goes before it has its answer.

/** At once where it has left already. */
export function whenClientLeaves(signal: AbortSignal, leave: () => void): void {
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
}
