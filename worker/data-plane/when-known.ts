// What is known already is gone on with at once: an `await` of it would cost a turn of the microtask queue, and with
// it most of what a hit in the isolate's memory takes.

/** `next` of the value, now or later. What it throws of a value that is known is thrown, else the promise rejects. */
export function whenKnown<T, U>(value: T | Promise<T>, next: (value: T) => U | Promise<U>): U | Promise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
