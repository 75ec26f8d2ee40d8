// What a monitor remembers of a pool's backends from probe to probe, and how a new definition changes it. Plain data
// without input or output.
import type { Pool } from '../../core/config/schema.ts';
import type { BackendHealth } from '../../core/load-balancing/health.ts';
import { newBackendHealth, probeDelayMs, stepHealth } from '../../core/load-balancing/health.ts';
import type { Random } from '../../core/random.ts';
import type { HealthVerdict } from '../interfaces/directory.ts';
import type { BackendProbeState, ProbeResult } from '../interfaces/health-monitor.ts';

export interface ProbedBackend {
  readonly url: string;
  readonly health: BackendHealth;
  /** Of its last verdict; 0 = none yet. */
  readonly epoch: number;
  readonly reason: string;
  readonly lastProbeAt: number | null;
  /** Of the last probe; null when it went well. */
  readonly lastError: string | null;
  /** Null while the backend is disabled: it takes no request, so nobody asks how it is. */
  readonly nextProbeAt: number | null;
  /** Until then it is probed at the fast interval, epoch ms; absent when no edge has suspected it. */
  readonly suspectedUntil?: number;
  /** When the request was made that stood in for a probe last, epoch ms; absent when none has yet. */
  readonly lastProofAt?: number;
  /** Probes in a row that proofs stood in for; at SPARED_MAX, or absent, the next one is made. */
  readonly spared?: number;
  /** A verdict that the Directory has not confirmed yet. */
  readonly unreported: boolean;
}

export interface MonitorState {
  /** Grows with every verdict and never goes back, also when pools and backends come and go. */
  readonly epoch: number;
  readonly backends: Readonly<Record<string, ProbedBackend>>;
}

/** Of probes in a row: what a check looks at may go wrong while users are still served well. */
export const SPARED_MAX = 9;

export const EMPTY_STATE: MonitorState = { epoch: 0, backends: {} };

/**
 * State for another definition: what is known of a backend stays with its id, a change of its URL included; every
 * backend that is not disabled is due at once, and no proof stands in for that probe. Null ends probing and keeps the epoch alone.
 */
export function redefine(state: MonitorState, definition: Pool | null, nowMs: number): MonitorState {
  if (definition?.health === undefined) return { epoch: state.epoch, backends: {} };
  const backends = definition.backends.map((backend): [string, ProbedBackend] => {
    const known = own(state.backends, backend.id) ?? {
      health: newBackendHealth(nowMs),
      epoch: 0,
      reason: 'not probed yet',
      lastProbeAt: null,
      lastError: null,
      unreported: false,
    };
    const nextProbeAt = backend.state === 'disabled' ? null : nowMs;
    return [backend.id, { ...known, url: backend.url, nextProbeAt, spared: SPARED_MAX }];
  });
  return { epoch: state.epoch, backends: Object.fromEntries(backends) };
}

/** The ids whose probe is due, longest waiting first. O(n log n). */
export function dueBackends(state: MonitorState, nowMs: number): string[] {
  return schedule(state)
    .filter(({ at }) => at <= nowMs)
    .map(({ id }) => id);
}

/** When the next probe is due, or null when there is nothing to probe. */
export function earliestProbeAt(state: MonitorState): number | null {
  return schedule(state)[0]?.at ?? null;
}

function schedule(state: MonitorState): { readonly id: string; readonly at: number }[] {
  return Object.entries(state.backends)
    .flatMap(([id, { nextProbeAt }]) => (nextProbeAt === null ? [] : [{ id, at: nextProbeAt }]))
    .sort((a, b) => a.at - b.at);
}

export interface Probed {
  readonly id: string;
  readonly url: string;
  readonly startedAt: number;
  /** What an edge met, where the probe is to verify it: a second witness makes a failure a verdict at once. */
  readonly suspicion?: string;
}

/** How long after a suspicion a backend is probed more often. */
const SUSPICION_MS = 10_000;

/**
 * State after one probe of `id` at `url`; a result about another URL than the present one, or about a
 * backend disabled meanwhile, says nothing. Returns the same object then.
 */
export function takeProbe(
  state: MonitorState,
  probed: Probed,
  result: ProbeResult,
  health: NonNullable<Pool['health']>,
  nowMs: number,
  random: Random,
): MonitorState {
  const known = own(state.backends, probed.id);
  if (known === undefined || known.url !== probed.url || known.nextProbeAt === null) return state;
  const { suspicion } = probed;
  const { rise, fall } = health;
  const thresholds = { rise, fall: suspicion === undefined ? fall : 1 };
  const step = stepHealth(known.health, result, thresholds, nowMs);
  const suspectedUntil = suspicion === undefined ? known.suspectedUntil : nowMs + SUSPICION_MS;
  const isUrgent = suspectedUntil !== undefined && nowMs < suspectedUntil;
  const after: ProbedBackend = {
    ...withoutSuspicion(known),
    health: step.health,
    lastProbeAt: probed.startedAt,
    lastError: result.error,
    spared: 0,
    nextProbeAt: Math.max(nowMs, probed.startedAt + probeDelayMs(step.health, health, random, isUrgent)),
    ...(isUrgent ? { suspectedUntil } : {}),
  };
  if (step.verdict === undefined) return withBackend(state, state.epoch, probed.id, after);
  const epoch = state.epoch + 1;
  return withBackend(state, epoch, probed.id, {
    ...after,
    epoch,
    reason:
      suspicion === undefined || step.verdict.state === 'healthy'
        ? step.verdict.reason
        : `an edge met ${suspicion}, and a probe confirmed it: ${result.error ?? 'no reason given'}`,
    unreported: true,
  });
}

export function probedBackend(state: MonitorState, id: string): ProbedBackend | undefined {
  return own(state.backends, id);
}

/** Verdicts that the Directory has yet to hear, by backend. */
export function unreportedVerdicts(state: MonitorState): Record<string, HealthVerdict> {
  return Object.fromEntries(
    Object.entries(state.backends)
      .filter(([, backend]) => backend.unreported)
      .map(([id, { health, epoch, reason }]) => [
        id,
        { state: health.state, since: health.since, epoch, reason },
      ]),
  );
}

/** The Directory has taken these; a newer verdict made meanwhile is still to be told. */
export function markReported(state: MonitorState, verdicts: Record<string, HealthVerdict>): MonitorState {
  const backends = Object.entries(state.backends).map(([id, backend]): [string, ProbedBackend] => {
    const reported = backend.epoch === own(verdicts, id)?.epoch;
    return [id, reported && backend.unreported ? { ...backend, unreported: false } : backend];
  });
  return { epoch: state.epoch, backends: Object.fromEntries(backends) };
}

export function probeStates(state: MonitorState): Record<string, BackendProbeState> {
  return Object.fromEntries(
    Object.entries(state.backends).map(
      ([id, { health, epoch, lastProbeAt, lastError, lastProofAt = null }]) => [
        id,
        { state: health.state, since: health.since, epoch, lastProbeAt, lastError, lastProofAt },
      ],
    ),
  );
}

function withoutSuspicion({ suspectedUntil: _, ...known }: ProbedBackend): ProbedBackend {
  return known;
}

function withBackend(state: MonitorState, epoch: number, id: string, backend: ProbedBackend): MonitorState {
  return { epoch, backends: { ...state.backends, [id]: backend } };
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
