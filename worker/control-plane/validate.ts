// What a request brings besides its body of JSON, checked against its schema: every bad field by name, in the words
// of the configuration's errors.
import type { z } from '@hono/zod-openapi';
import { type FieldError, formatPath } from '../../core/config/field-error.ts';
import { invalid } from './problem.ts';

/** The parsed value, or throws 422 naming every bad field. */
export function validated<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw invalid(parsed.error.issues.flatMap(fieldErrors));
}

function fieldErrors(issue: z.core.$ZodIssue): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message: 'unknown field' }));
  }
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  return [{ path: formatPath(issue.path), message: missing ? 'required' : issue.message }];
}

/** The query's values by name, decoded. A name given twice is refused: one of the two would be ignored. */
export function queryValues(url: string): Record<string, string> {
  const mark = url.indexOf('?');
  if (mark < 0) return {};
  const text = url.slice(mark + 1).replace(/#.*$/s, '');
  const values = new Map<string, string>();
  const errors: FieldError[] = [];
  // URLSearchParams would put U+FFFD in the place of what is no UTF-8, and two different values would be one.
  if (!isUtf8(text)) throw invalid([{ path: '', message: 'The query must be percent-encoded UTF-8' }]);
  for (const [name, value] of new URLSearchParams(text)) {
    if (values.has(name)) errors.push({ path: formatPath([name]), message: 'given more than once' });
    values.set(name, value);
  }
  if (errors.length > 0) throw invalid(errors);
  return Object.fromEntries(values);
}

/** A "%" that begins no escape stands for itself, as URLSearchParams has it. */
function isUtf8(query: string): boolean {
  try {
    decodeURIComponent(query.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'));
    return true;
  } catch {
    return false;
  }
}
