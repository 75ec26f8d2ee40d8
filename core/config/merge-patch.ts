// JSON Merge Patch, RFC 7396 §2: members of the patch replace members of the target, null removes them, anything that
// is not an object replaces the whole.
import { isJsonObject } from './json.ts';

/**
 * The patched value; neither argument is changed, unpatched parts are shared. Members are made as own properties,
 * so a patch that names `__proto__` adds a plain (and later refused) field. O(size of the patch + members beside it);
 * recursion as deep as the patch: bound it before.
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isJsonObject(patch)) return patch;
  const merged = new Map<string, unknown>(isJsonObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}
