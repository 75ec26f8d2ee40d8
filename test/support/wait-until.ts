// The only way a test waits: for a condition, until a deadline.

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly pollMs?: number;
  /** For the message when it never comes true. */
  readonly what?: string;
}

/** Asks again and again until the answer is truthy, and returns it; a throw counts as "not yet". Default 30 s: a busy machine is no failure. */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 30_000, pollMs = 20, what = String(condition) }: WaitOptions = {},
): Promise<NonNullable<T>> {
  const deadlineAt = performance.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      last = await condition();
      if (last) return last as NonNullable<T>;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  } while (performance.now() < deadlineAt);
  throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}. Last: ${String(last)}`);
}
