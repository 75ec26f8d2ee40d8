// What no single field of a health definition can get wrong: times that do not fit into one another, and checks that
// no answer can pass. Reads the raw document, as cross-field.ts does.
import { INTERVAL_MS_DEFAULT } from './health-schema.ts';
import { isJsonObject, member } from './json.ts';
import { type Path, type Refuse, refuseRepeatedHeaders } from './refuse.ts';
import type { Config } from './schema.ts';

/** `path` leads to `health`. O(size of it). */
export function refuseImpossibleHealth(health: unknown, path: Path, refuse: Refuse): void {
  if (!isJsonObject(health)) return;
  const intervalMs = member(health, 'intervalMs') ?? INTERVAL_MS_DEFAULT;
  refuseLonger(health, path, 'timeoutMs', intervalMs, refuse);
  refuseLonger(health, path, 'fastIntervalMs', intervalMs, refuse);
  refuseImpossibleCheck(health, path, health, refuse);
  refuseRepeatedVantages(member(health, 'vantages'), [...path, 'vantages'], refuse);
  refuseProofsFromElsewhere(health, path, refuse);
  const monitors = member(health, 'monitors');
  if (!Array.isArray(monitors)) return;
  monitors.forEach((monitor: unknown, index) => {
    if (!isJsonObject(monitor)) return;
    const ofMonitor = [...path, 'monitors', index];
    if (Object.keys(monitor).length === 0) refuse(ofMonitor, 'must differ from `health` in something');
    refuseLonger(monitor, ofMonitor, 'timeoutMs', intervalMs, refuse);
    refuseImpossibleCheck(monitor, ofMonitor, health, refuse);
  });
}

function refuseRepeatedVantages(vantages: unknown, path: Path, refuse: Refuse): void {
  if (!Array.isArray(vantages)) return;
  vantages.forEach((vantage: unknown, index) => {
    if (vantages.indexOf(vantage) < index) refuse([...path, index], 'must be named once: each has one vote');
  });
}

/** A request proves the way from its own edge to the backend, not the way from each region. */
function refuseProofsFromElsewhere(health: object, path: Path, refuse: Refuse): void {
  const vantages = member(health, 'vantages');
  if (member(health, 'skipWhenTrafficProves') !== true || !Array.isArray(vantages) || vantages.length < 2)
    return;
  refuse(
    [...path, 'skipWhenTrafficProves'],
    'must be false with several vantages: traffic proves none of their ways',
  );
}

function refuseLonger(holder: object, path: Path, name: string, intervalMs: unknown, refuse: Refuse): void {
  const value = member(holder, name);
  if (typeof value === 'number' && typeof intervalMs === 'number' && value > intervalMs) {
    refuse([...path, name], `must be at most the interval, ${intervalMs} ms`);
  }
}

function refuseImpossibleCheck(check: object, path: Path, health: object, refuse: Refuse): void {
  refuseRepeatedHeaders(member(check, 'headers'), [...path, 'headers'], refuse);
  const ownExpect = member(check, 'expect');
  refuseRepeatedHeaders(member(ownExpect, 'header'), [...path, 'expect', 'header'], refuse);
  const isHead = (member(check, 'method') ?? member(health, 'method')) === 'HEAD';
  const expect = ownExpect ?? member(health, 'expect');
  if (isHead && member(expect, 'body') !== undefined) {
    refuse(
      ownExpect === undefined ? [...path, 'method'] : [...path, 'expect', 'body'],
      'must not expect a body of the answer to HEAD',
    );
  }
}

/** A time-out that is not given fits into its interval. */
export function withFittingTimeout<P extends Pick<Config['pools'][string], 'health'>>(pool: P): P {
  const { health } = pool;
  if (health === undefined || health.timeoutMs <= health.intervalMs) return pool;
  return { ...pool, health: { ...health, timeoutMs: health.intervalMs } };
}
