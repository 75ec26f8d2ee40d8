// The policies by name: `roundel` is what the product uses, the others are what it is measured against.
import { Fifo } from './fifo.ts';
import { Lru } from './lru.ts';
import type { PolicyMaker } from './policy.ts';
import { RoundelPolicy } from './roundel-policy.ts';
import { S3Fifo } from './s3-fifo.ts';
import { Sieve } from './sieve.ts';

export const EVICTION_POLICIES = {
  roundel: () => new RoundelPolicy(),
  'roundel-bytes': () => new RoundelPolicy({ sizeExponent: 0 }),
  's3-fifo': (bytesMax) => new S3Fifo(bytesMax),
  sieve: () => new Sieve(),
  lru: () => new Lru(),
  fifo: () => new Fifo(),
} as const satisfies Record<string, PolicyMaker>;

export type EvictionPolicyName = keyof typeof EVICTION_POLICIES;
