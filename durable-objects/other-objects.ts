// The objects that other objects speak to, by their names.
import { VANTAGE_DEFAULT } from '../core/config/health-schema.ts';
import type { DirectoryRpc } from './interfaces/directory.ts';
import type { HealthMonitorRpc } from './interfaces/health-monitor.ts';
import type { NewEvent, TelemetryRpc } from './interfaces/telemetry.ts';

export function directoryOf(namespace: DurableObjectNamespace): DirectoryRpc {
  return objectNamed(namespace, 'directory');
}

/** The hint counts where the object is named for the first time. */
export function healthMonitorOf(
  namespace: DurableObjectNamespace,
  pool: string,
  vantage: string,
): HealthMonitorRpc {
  const id = namespace.idFromName(`${pool}/${vantage}`);
  const locationHint = vantage as DurableObjectLocationHint;
  const options = vantage === VANTAGE_DEFAULT ? {} : { locationHint };
  return namespace.get(id, options) as unknown as HealthMonitorRpc;
}

/** Never rejects, and need not be waited for: an event that is lost loses nothing but itself. */
export async function recordEvents(
  namespace: DurableObjectNamespace,
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length === 0) return;
  try {
    await objectNamed<TelemetryRpc>(namespace, 'telemetry').record(events);
  } catch (error) {
    const named = events.map(({ type, subject }) => `"${type}" of "${subject}"`);
    console.warn(`Cannot record ${named.join(', ')}: ${String(error)}`);
  }
}

/** The runtime's type of a stub knows nothing of the class behind it. */
function objectNamed<Rpc>(namespace: DurableObjectNamespace, name: string): Rpc {
  return namespace.get(namespace.idFromName(name)) as unknown as Rpc;
}
