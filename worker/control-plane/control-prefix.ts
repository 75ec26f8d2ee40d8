// Where the control plane lives.
import type { Env } from '../env.ts';

const DEFAULT_PREFIX = '/_roundel';

export function prefixOf(env: Pick<Env, 'ROUNDEL_PREFIX'>): string {
  return env.ROUNDEL_PREFIX || DEFAULT_PREFIX;
}
