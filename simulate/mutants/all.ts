// All mutants, in the order of the design's list.
import { APPLY_MUTANTS } from './apply-mutants.ts';
import { FLIGHT_MUTANTS } from './flight-mutants.ts';
import { LOG_MUTANTS } from './log-mutants.ts';
import { LOSS_MUTANTS } from './loss-mutants.ts';
import type { Mutant } from './mutant.ts';
import { PURGE_MUTANTS } from './purge-mutants.ts';
import { SNAPSHOT_MUTANTS } from './snapshot-mutants.ts';
import { VIEW_MUTANTS } from './view-mutants.ts';

export const MUTANTS: readonly Mutant[] = [
  ...VIEW_MUTANTS,
  ...LOG_MUTANTS,
  ...APPLY_MUTANTS,
  ...SNAPSHOT_MUTANTS,
  ...FLIGHT_MUTANTS,
  ...LOSS_MUTANTS,
  ...PURGE_MUTANTS,
];
