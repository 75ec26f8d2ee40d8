// What this isolate knows of one backend, by its id: outlasts configuration versions.
import type { CircuitBreaker } from '../../core/load-balancing/circuit-breaker.ts';
import { LoadMeter } from '../../core/load-balancing/load-meter.ts';

export interface BackendState {
  /** Requests of this isolate that wait for this backend or stream from it. */
  inFlight: number;
  readonly meter: LoadMeter;
  /** null where its pool has none. */
  circuit: CircuitBreaker | null;
  /** When a failure of it was last told as an event, epoch ms: once a second is enough. */
  failureToldAt: number;
}

export function newBackendState(): BackendState {
  return { inFlight: 0, meter: new LoadMeter(), circuit: null, failureToldAt: 0 };
}
