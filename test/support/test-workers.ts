// How many test files run at once.
import { availableParallelism } from 'node:os';

/** One more than two cores are: much of the time is spent waiting. The same for all projects that run beside each other. */
export const testWorkers = Math.max(3, availableParallelism());
