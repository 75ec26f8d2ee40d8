// How a pool shares its traffic out, as configured: the strategy, and what holds for it whatever its type.
import { z } from 'zod';
import * as rules from './field-rules.ts';
import { member } from './json.ts';
import type { Path, Refuse } from './refuse.ts';
import { ruled } from './ruled.ts';

export const STRATEGY_TYPES = [
  'round-robin',
  'random',
  'weighted-round-robin',
  'weighted-random',
  'consistent-hash',
  'maglev',
  'rendezvous',
  'first-available',
  'least-requests',
  'peak-ewma',
] as const;

/** Those that send a key to the same backend each time. */
const HASHING: readonly unknown[] = ['consistent-hash', 'maglev', 'rendezvous'];

const BOUND_MIN = 1.05;
const BOUND_MAX = 4;

export const strategySchema = z.strictObject({
  type: z.enum(STRATEGY_TYPES).default('round-robin'),
  key: z
    .array(
      ruled(
        rules.strategyKeyProblem,
        '`client-ip`, `path`, `url`, `query:NAME`, `header:NAME` or `cookie:NAME`.',
      ),
    )
    .min(1)
    .max(8)
    .default(['client-ip'])
    .describe('What the hashing strategies hash: the first that the request has.'),
  maxShare: z
    .number()
    .min(1.01)
    .max(2)
    .default(1.1)
    .describe('Largest share against the average, consistent-hash only.'),
  boundedLoad: z
    .number()
    .refine((bound) => bound === 0 || (bound >= BOUND_MIN && bound <= BOUND_MAX), {
      error: `must be 0 (off), or at least ${BOUND_MIN} and at most ${BOUND_MAX}`,
    })
    .default(0)
    .describe(
      `Most requests in flight of a backend against the average (by weight), of each edge: what is over goes to the ` +
        `key's next alternatives. 0 = no bound, else ${BOUND_MIN}–${BOUND_MAX}; for the strategies that hash.`,
    ),
  hotKeys: z
    .strictObject({
      maxShare: z
        .number()
        .refine((share) => share === 0 || (share >= BOUND_MIN && share <= BOUND_MAX), {
          error: `must be 0 (off), or at least ${BOUND_MIN} and at most ${BOUND_MAX}`,
        })
        .default(0)
        .describe(
          `Largest part of the requests of a backend against the average (by weight), of each edge: keys that are asked ` +
            `for most go to their next alternatives instead. 0 = off, else ${BOUND_MIN}–${BOUND_MAX}; for the strategies that hash.`,
        ),
    })
    .prefault({}),
  hashSeed: z.int().default(0),
});

export const slowStartSchema = z.strictObject({
  windowMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(0)
    .describe(
      'So long after it came back, was added or enabled, a backend takes only a part of its share; 0 = off.',
    ),
  fromRatio: z
    .number()
    .min(0.01)
    .max(1)
    .default(0.1)
    .describe('The part at the beginning, from which it grows evenly to the whole.'),
});

/** `path` leads to `strategy`. */
export function refuseImpossibleStrategy(strategy: unknown, path: Path, refuse: Refuse): void {
  const type = member(strategy, 'type') ?? 'round-robin';
  if (HASHING.includes(type)) return;
  const bounds: readonly (readonly [field: Path, bound: unknown])[] = [
    [['boundedLoad'], member(strategy, 'boundedLoad')],
    [['hotKeys', 'maxShare'], member(member(strategy, 'hotKeys'), 'maxShare')],
  ];
  for (const [field, bound] of bounds) {
    if (typeof bound !== 'number' || bound === 0) continue;
    refuse(
      [...path, ...field],
      `needs a strategy that hashes (${HASHING.join(', ')}), not ${String(type).slice(0, 64)}`,
    );
  }
}
