// Targets that were parsed lately: most requests of a busy isolate are for URLs that it has just seen, and a text is found
// again sooner than it is taken apart.
import { type ParsedTarget, parseTarget } from '../../core/http/target.ts';

/** Longer URLs are parsed every time: they are rare, and would take the memory of many. */
const REMEMBERED_LENGTH_MAX = 1_024;
/** Of each generation. */
const REMEMBERED_MAX = 512;

/** What `parseTarget` gives. Remembers up to twice as many as `max`. O(length). */
export function createTargetMemory(
  parse: (url: string) => ParsedTarget = parseTarget,
  max = REMEMBERED_MAX,
): (url: string) => ParsedTarget {
  let young = new Map<string, ParsedTarget>();
  let old = new Map<string, ParsedTarget>();
  return (url) => {
    let target = young.get(url);
    if (target !== undefined) return target;
    target = old.get(url) ?? parse(url);
    if (target.type !== 'target' || url.length > REMEMBERED_LENGTH_MAX) return target;
    if (young.size >= max) {
      old = young;
      young = new Map();
    }
    young.set(url, target);
    return target;
  };
}
