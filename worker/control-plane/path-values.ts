// The named segments of a raw path, decoded strictly: "%2F" inside a segment stays inside it, and what is no
// percent-encoded UTF-8 is refused instead of being taken literally.
import type { FieldError } from '../../core/config/field-error.ts';
import { invalid } from './problem.ts';

/** `template`: "/v1/pools/{pool}", of which `rawPath` has the form. Throws 422 naming each bad segment. O(length). */
export function pathValues(template: string, rawPath: string): Record<string, string> {
  const segments = rawPath.split('/');
  const values: Record<string, string> = {};
  const errors: FieldError[] = [];
  for (const [i, name] of namesIn(template)) {
    try {
      values[name] = decodeURIComponent(segments[i] ?? '');
    } catch {
      errors.push({ path: name, message: 'must be percent-encoded UTF-8' });
    }
  }
  if (errors.length > 0) throw invalid(errors);
  return values;
}

const names = new Map<string, readonly [place: number, name: string][]>();

/** Templates are few and always the same. */
function namesIn(template: string): readonly [place: number, name: string][] {
  let known = names.get(template);
  if (known === undefined) {
    known = template.split('/').flatMap((part, i): [number, string][] => {
      const name = /^\{(\w+)\}$/.exec(part)?.[1];
      return name === undefined ? [] : [[i, name]];
    });
    names.set(template, known);
  }
  return known;
}
