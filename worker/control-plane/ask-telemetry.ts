// A question to the Telemetry object, with a bound on how long it is waited for; 503 when it does not answer.
import type { TelemetryRpc } from '../../durable-objects/interfaces/telemetry.ts';
import type { Call } from './operation.ts';
import { reach } from './reach.ts';

export const TELEMETRY_TIMEOUT_MS = 5_000;

/** `action` in words, for the answer when it fails: "read the events". */
export function askTelemetry<T>(
  call: Pick<Call<unknown, unknown>, 'edge'>,
  action: string,
  question: (telemetry: TelemetryRpc) => Promise<T>,
): Promise<T> {
  return reach('telemetry-unavailable', action, TELEMETRY_TIMEOUT_MS, () =>
    question(call.edge.telemetryObject()),
  );
}
