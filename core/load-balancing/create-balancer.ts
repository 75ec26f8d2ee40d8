// The one list of strategies: adding one means a file, a line here and a line in the contract test.
import type { Random } from '../random.ts';
import type { Balancer, BalancerBackend, BalancerFactory, BalancerParameters } from './balancer.ts';
import { consistentHash } from './consistent-hash.ts';
import { firstAvailable } from './first-available.ts';
import { leastRequests } from './least-requests.ts';
import { maglev } from './maglev.ts';
import { peakEwma } from './peak-ewma.ts';
import { rendezvous } from './rendezvous.ts';
import { roundRobin } from './round-robin.ts';
import { uniformRandom } from './uniform-random.ts';
import { weightedRandom } from './weighted-random.ts';
import { weightedRoundRobin } from './weighted-round-robin.ts';

export const BALANCERS = {
  'round-robin': roundRobin,
  random: uniformRandom,
  'weighted-round-robin': weightedRoundRobin,
  'weighted-random': weightedRandom,
  'consistent-hash': consistentHash,
  maglev,
  rendezvous,
  'first-available': firstAvailable,
  'least-requests': leastRequests,
  'peak-ewma': peakEwma,
} as const satisfies Record<string, BalancerFactory>;

export type BalancerType = keyof typeof BALANCERS;

/** Throws when the type is none of `BALANCERS`, an id occurs twice or a weight is negative or not finite. */
export function createBalancer(
  parameters: BalancerParameters,
  backends: readonly BalancerBackend[],
  random: Random,
): Balancer {
  const { type } = parameters;
  if (!Object.hasOwn(BALANCERS, type)) {
    throw new Error(`Cannot build a balancer: there is no strategy "${type}"`);
  }
  return BALANCERS[type as BalancerType](backends, parameters, random);
}
