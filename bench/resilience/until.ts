// Waiting in a lab: for a condition, or for time itself.

const POLL_MS = 20;

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Throws when it does not come true in time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 15_000,
): Promise<void> {
  const deadlineAt = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadlineAt) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}`);
    await pause(POLL_MS);
  }
}
