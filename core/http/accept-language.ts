// Which language a request likes best (RFC 9110 §12.5.4), where it says so beyond doubt.
import { listMembers } from './field-syntax.ts';

const RANGE = /^([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;

/** In lower case; null where several are liked as well, the best is "*", or a member is malformed. Never throws. O(n). */
export function bestLanguage(acceptLanguage: string): string | null {
  let best: string | null = null;
  let bestWeight = 0;
  for (const member of listMembers(acceptLanguage)) {
    const anything = /^\*(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i.exec(member);
    const match = anything ?? RANGE.exec(member);
    if (match === null) return null;
    const language = anything === null ? (match[1] ?? '').toLowerCase() : null;
    const weight = Number((anything === null ? match[2] : match[1]) ?? 1);
    if (weight === bestWeight && weight > 0) best = null;
    if (weight <= bestWeight) continue;
    best = language;
    bestWeight = weight;
  }
  return best;
}
