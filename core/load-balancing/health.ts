// From probe results to verdicts: a backend falls after `fall` failures in a row and rises after `rise` successes.

export type HealthState = 'healthy' | 'unhealthy' | 'unknown';
