// What differs between two configuration documents, for people to read before they say yes.
import { formatPath } from './field-error.ts';
import { isJsonObject, jsonEquals, member } from './json.ts';

export interface ConfigChange {
  /** `pools.web.backends[a].weight`: list members with an `id` are named by it. */
  readonly path: string;
  readonly before?: unknown;
  readonly after?: unknown;
}

export type ConfigDiff = readonly ConfigChange[];

/**
 * The smallest places that differ; `before` is absent where something was added, `after` where it was removed. In a
 * list whose members have unique ids, members are compared by id and a new order is one change of the list, shown as
 * the ids. O(size of both).
 */
export function diffConfigs(before: unknown, after: unknown): ConfigDiff {
  const changes: ConfigChange[] = [];
  compare('', before, after, changes);
  return changes;
}

function compare(path: string, before: unknown, after: unknown, changes: ConfigChange[]): void {
  if (jsonEquals(before, after)) return;
  if (before === undefined) changes.push({ path, after });
  else if (after === undefined) changes.push({ path, before });
  else if (isJsonObject(before) && isJsonObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const step = formatPath([key]);
      const inner = path === '' || step.startsWith('[') ? path + step : `${path}.${step}`;
      compare(inner, member(before, key), member(after, key), changes);
    }
  } else {
    const beforeById = membersById(before);
    const afterById = membersById(after);
    if (beforeById === null || afterById === null) changes.push({ path, before, after });
    else compareLists(path, beforeById, afterById, changes);
  }
}

function compareLists(
  path: string,
  before: ReadonlyMap<string, unknown>,
  after: ReadonlyMap<string, unknown>,
  changes: ConfigChange[],
): void {
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    compare(`${path}[${id}]`, before.get(id), after.get(id), changes);
  }
  const orderBefore = [...before.keys()].filter((id) => after.has(id));
  const orderAfter = [...after.keys()].filter((id) => before.has(id));
  if (!jsonEquals(orderBefore, orderAfter)) changes.push({ path, before: orderBefore, after: orderAfter });
}

/** Null unless it is a list of objects with unique ids. */
function membersById(value: unknown): ReadonlyMap<string, unknown> | null {
  if (!Array.isArray(value)) return null;
  const byId = new Map<string, unknown>();
  for (const item of value) {
    const id = member(item, 'id');
    if (typeof id !== 'string' || byId.has(id)) return null;
    byId.set(id, item);
  }
  return byId;
}
