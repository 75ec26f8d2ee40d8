// The named segments of a raw path, decoded strictly: "%2F" inside a segment stays inside it, and what is no
// percent-encoded UTF-8 is refused instead of being taken literally.
import type { FieldError } from '../../core/config/field-error.ts';
import { invalid } from './problem.ts';

/** `template`: "/v1/pools/{pool}", of which `rawPath` has the form. Throws 422 naming each bad segment. O(length). */
export function pathValues(template: string, rawPath: string): Record<string, string> {
  const segments = rawPath.split('/');
  const values: Record<string, string> = {};
  const errors: FieldError[] = [];
  template.split('/').forEach((part, i) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) return;
    try {
      values[name] = decodeURIComponent(segments[i] ?? '');
    } catch {
      errors.push({ path: name, message: 'must be percent-encoded UTF-8' });
    }
  });
  if (errors.length > 0) throw invalid(errors);
  return values;
}
