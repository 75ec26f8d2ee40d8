// Probes that need not be made, since a user's request has just shown what they would. A proof only moves the time of
// the next probe: it counts for no verdict, and stands in for no probe whose result could change one.
import { type Cadence, isVerdictPending, probeDelayMs } from '../../core/load-balancing/health.ts';
import type { Random } from '../../core/random.ts';
import { type MonitorState, type ProbedBackend, SPARED_MAX } from './probed-backends.ts';

/**
 * State after the due probes of `due` that `proofAges` (ms, by backend) make needless: each is put off to one interval
 * after its proof. O(due).
 */
export function spareProved(
  state: MonitorState,
  due: readonly string[],
  proofAges: ReadonlyMap<string, number>,
  cadence: Cadence,
  nowMs: number,
  random: Random,
): MonitorState {
  const spared = due.flatMap((id): [string, ProbedBackend][] => {
    const known = Object.hasOwn(state.backends, id) ? state.backends[id] : undefined;
    const ageMs = proofAges.get(id);
    if (known === undefined || ageMs === undefined || !maySpare(known, nowMs)) return [];
    const provedAt = nowMs - ageMs;
    const nextProbeAt = provedAt + probeDelayMs(known.health, cadence, random);
    if (nextProbeAt <= nowMs) return [];
    return [[id, { ...known, nextProbeAt, lastProofAt: provedAt, spared: (known.spared ?? 0) + 1 }]];
  });
  if (spared.length === 0) return state;
  return { epoch: state.epoch, backends: { ...state.backends, ...Object.fromEntries(spared) } };
}

function maySpare(
  { health, nextProbeAt, suspectedUntil, spared = SPARED_MAX }: ProbedBackend,
  nowMs: number,
) {
  if (nextProbeAt === null || spared >= SPARED_MAX) return false;
  if (suspectedUntil !== undefined && nowMs < suspectedUntil) return false;
  return health.state === 'healthy' && !isVerdictPending(health);
}
