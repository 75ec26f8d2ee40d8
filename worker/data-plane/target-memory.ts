// Targets that were parsed lately: most requests of a busy isolate are for URLs that it has just seen, and a text is found
// again sooner than it is taken apart.
import { type ParsedTarget, parseTarget } from '../../core/http/target.ts';
import { RecentTexts } from './recent-texts.ts';

/** Longer URLs are parsed every time: they are rare, and would take the memory of many. */
const LENGTH_MAX = 1_024;
const REMEMBERED_MAX = 512;

/** What `parseTarget` gives; remembers up to twice as many as `max`. O(length). */
export function createTargetMemory(
  parse: (url: string) => ParsedTarget = parseTarget,
  max = REMEMBERED_MAX,
): (url: string) => ParsedTarget {
  const recent = new RecentTexts<ParsedTarget>(max, LENGTH_MAX);
  return (url) => {
    const known = recent.get(url);
    if (known !== undefined) return known;
    const target = parse(url);
    if (target.type === 'target') recent.set(url, target);
    return target;
  };
}
