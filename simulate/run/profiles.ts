// The two kinds of run: what clients do, and which parts of the protocol that reaches.
import type { ReplicaLimits } from '../../core/replication/limits.ts';
import { coreOperations } from '../clients/core-operations.ts';
import { invalidationOperations } from '../clients/invalidation-operations.ts';
import type { Origin } from '../clients/origin.ts';
import type { Operate } from '../clients/workload.ts';
import type { Chance } from '../engine/chance.ts';
import type { Faults } from '../engine/faults.ts';

export const PROFILES = ['core', 'invalidation'] as const;
export type ProfileName = (typeof PROFILES)[number];

export function operationsOf(profile: ProfileName, chance: Chance, origin: Origin): Operate {
  return profile === 'core' ? coreOperations(chance) : invalidationOperations(chance, origin);
}

/**
 * Half of the runs evict all the time, write to disk more often than they must, and have leases that overlap; others
 * cannot send a log in one message, or go to rest whenever clients pause.
 */
export function drawLimits(profile: ProfileName, chance: Chance, faults: Faults): Partial<ReplicaLimits> {
  // Logs that differ and arrive piece by piece: what commits of an older view are about.
  const pieces = faults.primaryHunt === 1 ? 0.7 : 0.3;
  return {
    ...(chance.hits(0.5) ? { httpBytesMax: 350, overlayRowsMax: 2, leaseMs: chance.pick([60, 600]) } : {}),
    ...(chance.hits(pieces) ? { entryBytesMax: 300 } : {}),
    ...(chance.hits(0.3) ? { idleMs: 1_500 } : {}),
    ...(chance.hits(0.2) ? { windowMax: 2 } : {}),
    ...(chance.hits(0.3) ? { variantsMax: 2 } : {}),
    // Of several commands in one call some are refused; those of one purge find room in an empty queue.
    ...(chance.hits(0.15) ? { queueBytesMax: profile === 'core' ? 400 : 1_200 } : {}),
    // States are compared many times a run.
    hashEveryOps: 10,
    // A member that was away needs a snapshot; no step commits so many entries at once.
    ...(chance.hits(0.4) ? { logOps: 14, logBytes: 0, logOpsMax: 18, overlayOpsMax: 3 } : {}),
    // Short enough for bounds to matter in a run, long enough for backups to answer within them.
    ...(chance.hits(0.7) ? { boundMs: Math.round(chance.between(300, 3_000)) } : {}),
  };
}

/** A purge by way of the coordinator may concern two groups. */
export function drawShards(profile: ProfileName, chance: Chance): number {
  return profile === 'invalidation' && chance.hits(0.3) ? 2 : 1;
}

/** Three members mostly; one and five run the same code. */
export function drawMembers(chance: Chance, { promiseLoss }: Faults): number {
  const drawn = chance.next();
  if (drawn < 0.08) return 1;
  // A promise that is forgotten does harm where others of its kind are needed.
  return drawn < (promiseLoss > 0 ? 0.6 : 0.18) ? 5 : 3;
}
