// Waits for a promise with a bound, by a timer of the request that waits.

/** null when `promise` has not settled after `limitMs`; rejects as it does. */
export async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | null> {
  let timer: number | null = null;
  const limit = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
