// How often each fault happened in each phase of the protocol: what a run has not met it has not tested.
import { FAULTS, type FaultName } from '../engine/faults.ts';
import { PHASES, type Phase } from './phase.ts';
import type { ProfileName } from './profiles.ts';

export class Coverage {
  /** Fault by fault, phase by phase. */
  readonly counts: number[];

  constructor(counts: readonly number[] = []) {
    this.counts = Array.from({ length: FAULTS.length * PHASES.length }, (_, i) => counts[i] ?? 0);
  }

  count(fault: FaultName, phase: Phase): void {
    const at = FAULTS.indexOf(fault) * PHASES.length + PHASES.indexOf(phase);
    this.counts[at] = (this.counts[at] as number) + 1;
  }

  add(counts: readonly number[]): void {
    for (let i = 0; i < this.counts.length; i++) {
      this.counts[i] = (this.counts[i] as number) + (counts[i] ?? 0);
    }
  }

  of(fault: FaultName, phase: Phase): number {
    return this.counts[FAULTS.indexOf(fault) * PHASES.length + PHASES.indexOf(phase)] as number;
  }

  /** Pairs that never happened, but must: `fault in phase`. */
  missing(profile: ProfileName): string[] {
    return FAULTS.flatMap((fault) =>
      PHASES.filter((phase) => this.of(fault, phase) === 0 && !isImpossible(fault, phase, profile)).map(
        (phase) => `${fault} in ${phase}`,
      ),
    );
  }
}

/** What happens to an object in memory cannot happen to one that is not; clocks jump where an object begins. */
export function isImpossible(fault: FaultName, phase: Phase, profile: ProfileName): boolean {
  if (profile === 'core' && NOT_IN_CORE.has(fault)) return true;
  if (fault === 'clock-jump') return !BEGINS_IN.has(phase);
  // A member goes to rest with everything written.
  if (fault === 'slow-disk' && phase === 'at-rest') return true;
  // Whoever lost its storage has lost its alarm with it.
  if (fault.startsWith('alarm-') && phase === 'lost') return true;
  return phase === 'away' && NEEDS_OBJECT.has(fault);
}

const NOT_IN_CORE: ReadonlySet<FaultName> = new Set(['slow-origin', 'failing-origin', 'coordinator-crash']);

const BEGINS_IN: ReadonlySet<Phase> = new Set(['at-rest', 'recovering', 'view-change']);

const NEEDS_OBJECT: ReadonlySet<FaultName> = new Set([
  'crash-before-durable',
  'crash-after-durable',
  'zombie-twin',
  'eviction',
  'slow-disk',
]);
