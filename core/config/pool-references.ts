// Where a configuration refers to a pool by name: that it exists, and that no chain of fallback pools leads back.
import { type JsonObject, member } from './json.ts';
import type { Path, Refuse } from './refuse.ts';

/** What is no name is refused by the schema. */
export function refuseMissingPool(pools: unknown, name: unknown, path: Path, refuse: Refuse): void {
  if (typeof name === 'string' && member(pools, name) === undefined) {
    refuse(path, `no pool "${name.slice(0, 64)}" exists`);
  }
}

/** Every pool of a circle is named, none that only leads into one. O(pools). */
export function refuseImpossibleFallbacks(pools: JsonObject, refuse: Refuse): void {
  const next = (name: string): unknown => member(member(pools, name), 'fallbackPool');
  for (const name of Object.keys(pools)) {
    refuseMissingPool(pools, next(name), ['pools', name, 'fallbackPool'], refuse);
  }
  for (const circle of circlesOf(Object.keys(pools), next)) {
    const message = circle.length === 1 ? 'must be another pool' : `must not lead back: ${told(circle)}`;
    for (const name of circle) refuse(['pools', name, 'fallbackPool'], message);
  }
}

function* circlesOf(names: readonly string[], next: (name: string) => unknown): Iterable<string[]> {
  /** Those walked through, by the start of the walk that met them first. */
  const metBy = new Map<string, string>();
  for (const start of names) {
    const walk: string[] = [];
    let name: unknown = start;
    for (; typeof name === 'string' && !metBy.has(name); name = next(name)) {
      metBy.set(name, start);
      walk.push(name);
    }
    if (typeof name === 'string' && metBy.get(name) === start) yield walk.slice(walk.indexOf(name));
  }
}

const SHOWN_MAX = 8;

function told(circle: readonly string[]): string {
  const shown = circle.length > SHOWN_MAX ? [...circle.slice(0, SHOWN_MAX), '…'] : circle;
  return [...shown, circle[0]].join(' → ');
}
