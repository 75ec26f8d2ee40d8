// What this isolate knows of one backend, by its id: outlasts configuration versions.

export interface BackendState {
  /** Requests of this isolate that wait for this backend or stream from it. */
  inFlight: number;
  /** When a failure of it was last told as an event, epoch ms: once a second is enough. */
  failureToldAt: number;
}

export function newBackendState(): BackendState {
  return { inFlight: 0, failureToldAt: 0 };
}
