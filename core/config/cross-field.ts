// Rules that no single field can break. They read the raw document, so that a document with a bad field still hears
// of everything else that is wrong with it.
import { refuseImpossibleAttempts } from './attempts-rules.ts';
import type { FieldError } from './field-error.ts';
import { formatPath } from './field-error.ts';
import { refuseImpossibleHealth } from './health-rules.ts';
import { isJsonObject, member } from './json.ts';
import { refuseImpossibleOutlier } from './outlier-schema.ts';
import { refuseImpossibleFallbacks, refuseMissingPool } from './pool-references.ts';
import { type Path, type Refuse, refuseRepeatedHeaders, refuseRepeatedNames } from './refuse.ts';
import { refuseImpossibleSplit } from './split-schema.ts';
import { refuseImpossibleStrategy } from './strategy-schema.ts';

/** O(size of the document). */
export function crossFieldErrors(document: unknown): FieldError[] {
  const errors: FieldError[] = [];
  const refuse: Refuse = (path, message) => {
    errors.push({ path: formatPath(path), message });
  };

  const pools = member(document, 'pools');
  if (isJsonObject(pools)) {
    refuseImpossibleFallbacks(pools, refuse);
    for (const [name, pool] of Object.entries(pools)) {
      const backends = member(pool, 'backends');
      if (Array.isArray(backends)) refuseRepeatedIds(backends, ['pools', name, 'backends'], refuse);
      refuseImpossibleStrategy(member(pool, 'strategy'), ['pools', name, 'strategy'], refuse);
      refuseImpossibleAttempts(pool, ['pools', name], refuse);
      refuseImpossibleOutlier(member(pool, 'outlier'), ['pools', name, 'outlier'], refuse);
      refuseImpossibleHealth(member(pool, 'health'), ['pools', name, 'health'], refuse);
    }
  }

  const routes = member(document, 'routes');
  if (Array.isArray(routes)) {
    refuseRepeatedIds(routes, ['routes'], refuse);
    routes.forEach((route, index) => {
      const path = ['routes', index];
      refuseImpossibleSplit(route, path, refuse);
      refuseMissingPool(pools, member(route, 'pool'), [...path, 'pool'], refuse);
      refuseMissingPool(pools, member(member(route, 'mirror'), 'pool'), [...path, 'mirror', 'pool'], refuse);
      const split = member(route, 'split');
      if (Array.isArray(split)) {
        split.forEach((part: unknown, place) => {
          refuseMissingPool(pools, member(part, 'pool'), [...path, 'split', place, 'pool'], refuse);
        });
      }
      const cache = member(route, 'cache');
      const cachePath = [...path, 'cache'];
      refuseRepeatedNames(member(cache, 'targetedFields'), [...cachePath, 'targetedFields'], refuse);
      const keyHeaders = member(member(cache, 'key'), 'headers');
      refuseRepeatedNames(keyHeaders, [...cachePath, 'key', 'headers'], refuse);
      for (const side of ['request', 'response']) {
        refuseRepeatedHeaders(
          member(member(route, side), 'setHeaders'),
          [...path, side, 'setHeaders'],
          refuse,
        );
      }
    });
  }

  const shards = member(document, 'shards');
  const regions = member(shards, 'regions');
  const replicas = member(shards, 'replicas') ?? 3;
  if (Array.isArray(regions) && typeof replicas === 'number' && regions.length !== replicas) {
    refuse(
      ['shards', 'regions'],
      `must name one region per replica: ${replicas} replicas, ${regions.length} regions`,
    );
  }
  return errors;
}

function refuseRepeatedIds(items: readonly unknown[], path: Path, refuse: Refuse): void {
  const firstPlace = new Map<string, number>();
  items.forEach((item, index) => {
    const id = member(item, 'id');
    if (typeof id !== 'string') return;
    const first = firstPlace.get(id);
    if (first === undefined) firstPlace.set(id, index);
    else refuse([...path, index, 'id'], `must be unique: ${formatPath([...path, first])} has the same`);
  });
}
