// What the configuration code needs to know of JSON values whose shape is not known yet.

export type JsonObject = { readonly [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own property only: a document has no `constructor` unless somebody wrote one. */
export function member(value: unknown, key: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Deepest nesting of a document or patch; the deepest place of the schema is 6. */
export const DEPTH_MAX = 32;

/** Whether lists and objects lie deeper in each other than DEPTH_MAX. O(size), recursion bounded. */
export function isNestedTooDeep(value: unknown, depthLeft = DEPTH_MAX): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depthLeft === 0) return true;
  return Object.values(value).some((inner) => isNestedTooDeep(inner, depthLeft - 1));
}

/** Equality as JSON: the order of an object's members does not matter, that of a list does. O(size). */
export function jsonEquals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => jsonEquals(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && jsonEquals(a[key], b[key]))
  );
}
