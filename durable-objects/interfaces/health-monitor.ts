// What a HealthMonitor answers: one object per pool and vantage, named "POOL/VANTAGE".
import type { Config } from '../../core/config/schema.ts';
import type { HealthState } from '../../core/load-balancing/health.ts';
import type { SuspicionAnswer } from '../../core/load-balancing/suspicion-pacer.ts';

export interface BackendProbeState {
  readonly state: HealthState;
  readonly since: number;
  readonly epoch: number;
  readonly lastProbeAt: number | null;
  readonly lastError: string | null;
  /** When a user's request last stood in for a probe, epoch ms; absent from objects of an earlier release. */
  readonly lastProofAt?: number | null;
}

export interface ProbeResult {
  readonly ok: boolean;
  readonly status: number | null;
  readonly error: string | null;
  readonly tookMs: number;
}

/** By backend; `unprobed`: those that the time did not reach. */
export interface ProbeRound {
  readonly results: Record<string, ProbeResult>;
  readonly unprobed: readonly string[];
}

export interface HealthMonitorRpc {
  /**
   * Idempotent: `version` older than what the monitor knows is ignored. Null ends probing: the pool is gone, is not
   * probed, or not from this vantage.
   */
  configure(
    pool: string,
    vantage: string,
    version: number,
    definition: Config['pools'][string] | null,
  ): Promise<void>;
  status(): Promise<Record<string, BackendProbeState>>;
  /**
   * An edge met `sign` at a backend: this monitor has every vantage of the pool verify it at once, and answers what
   * the majority found.
   */
  suspect(pool: string, backend: string, sign: string): Promise<SuspicionAnswer>;
  /** One vantage's part of it: verified by one probe, whose failure is this vantage's verdict. */
  verify(pool: string, backend: string, sign: string): Promise<SuspicionAnswer>;
  /** Probes every backend of `definition` once, disabled ones included; changes nothing and makes no verdict. */
  probeOnce(definition: Config['pools'][string], vantage: string): Promise<ProbeRound>;
}
