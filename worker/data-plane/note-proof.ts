// What an attempt proves of its backend, for pools whose probes may be spared where traffic proves it (proof-log.ts).
import type { AttemptOutcome } from '../../core/load-balancing/attempt-outcome.ts';
import type { ProofLog } from '../../core/load-balancing/proof-log.ts';

interface Seen {
  readonly edge: { readonly proofs: ProofLog };
  readonly snapshot: { readonly version: number };
}

interface ProbedPool {
  readonly name: string;
  readonly config: { readonly health?: { readonly skipWhenTrafficProves: boolean } | undefined };
}

/** `status`: null where no answer came. A status from 400 on may be the client's fault or not: it says nothing. O(1). */
export function noteProof(
  { edge, snapshot }: Seen,
  { name, config }: ProbedPool,
  backend: string,
  outcome: AttemptOutcome,
  status: number | null,
  nowMs: number,
): void {
  if (!config.health?.skipWhenTrafficProves || outcome === 'edge-error') return;
  const isGood = outcome === 'success';
  if (isGood && (status === null || status >= 400)) return;
  edge.proofs.note(snapshot.version, name, backend, isGood, nowMs);
}
