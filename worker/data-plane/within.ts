// Waits for a promise with a bound, by a timer of the request that waits.

/** null when `promise` has not settled after `limitMs`; rejects as it does. */
export async function within<T>(promise: Promise<T>, limitMs: number): Promise<T | null> {
  let stop = () => {};
  const limit = new Promise<null>((resolve) => {
    const timer = setTimeout(() => resolve(null), limitMs);
    stop = () => clearTimeout(timer);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    stop();
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
