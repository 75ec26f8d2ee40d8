// How rules that span several fields name what they refuse, and those of them that several places share.
import { isJsonObject } from './json.ts';

export type Path = readonly PropertyKey[];
export type Refuse = (path: Path, message: string) => void;

/** The same of a list of names. */
export function refuseRepeatedNames(names: unknown, path: Path, refuse: Refuse): void {
  if (!Array.isArray(names)) return;
  const seen = new Set<string>();
  names.forEach((name: unknown, index) => {
    if (typeof name !== 'string') return;
    if (seen.has(name.toLowerCase())) refuse([...path, index], 'must be named once: case does not matter');
    seen.add(name.toLowerCase());
  });
}

/** Header names are case-insensitive: two spellings of one would make the order of keys decide. */
export function refuseRepeatedHeaders(headers: unknown, path: Path, refuse: Refuse): void {
  if (!isJsonObject(headers)) return;
  const seen = new Set<string>();
  for (const name of Object.keys(headers)) {
    if (seen.has(name.toLowerCase())) refuse([...path, name], 'must be named once: case does not matter');
    seen.add(name.toLowerCase());
  }
}
