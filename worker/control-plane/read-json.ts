// A JSON body, read with the strictness that a configuration deserves: strict UTF-8, no member given twice (RFC 8259
// §4 leaves open which one counts, so one of them would be ignored silently), no `__proto__`, bounded depth.
import { type FieldError, formatPath } from '../../core/config/field-error.ts';
import { invalid, Problem } from './problem.ts';
import { readBytes } from './read-body.ts';

export const JSON_MAX_BYTES = 1024 * 1024;
/** The deepest valid document nests 6 deep; far deeper ones would overflow whoever walks them recursively. */
const DEPTH_MAX = 64;
const ERRORS_MAX = 100;

export async function readJson(request: Request): Promise<unknown> {
  const bytes = await readBytes(request, JSON_MAX_BYTES);
  const parsed = parseStrictJson(bytes);
  if (parsed.type === 'bad-json') throw new Problem('bad-json', parsed.detail);
  if (parsed.type === 'invalid') throw invalid(parsed.errors);
  return parsed.value;
}

export type StrictJson =
  | { readonly type: 'json'; readonly value: unknown }
  | { readonly type: 'bad-json'; readonly detail: string }
  | { readonly type: 'invalid'; readonly errors: readonly FieldError[] };

/** Never throws. O(size). */
export function parseStrictJson(bytes: Uint8Array): StrictJson {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return { type: 'bad-json', detail: 'Cannot read the body: it is not UTF-8' };
  }
  if (text.trim() === '') return { type: 'bad-json', detail: 'Cannot read the body: it is empty' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { type: 'bad-json', detail: `Cannot read the body as JSON: ${why}` };
  }
  const errors = doubtfulMembers(text);
  return errors.length > 0 ? { type: 'invalid', errors } : { type: 'json', value };
}

interface Level {
  /** Names seen, of an object; null in a list. */
  readonly names: Set<string> | null;
  /** Where we are in it: a name or an index. */
  at: string | number;
}

/** Members given twice, `__proto__`, and depth. `text` is known to be JSON, so a look at the tokens is enough. */
function doubtfulMembers(text: string): FieldError[] {
  const errors: FieldError[] = [];
  const levels: Level[] = [];
  const token = /"(?:[^"\\]|\\.)*"|[[\]{},:]/g;
  let expectsName = false;
  for (let match = token.exec(text); match && errors.length < ERRORS_MAX; match = token.exec(text)) {
    const lexeme = match[0];
    const level = levels.at(-1);
    switch (lexeme) {
      case '{':
      case '[':
        if (levels.length === DEPTH_MAX) {
          errors.push({ path: '', message: `must not nest deeper than ${DEPTH_MAX}` });
          return errors;
        }
        levels.push(lexeme === '{' ? { names: new Set(), at: '' } : { names: null, at: 0 });
        expectsName = lexeme === '{';
        break;
      case '}':
      case ']':
        levels.pop();
        expectsName = false;
        break;
      case ',':
        if (level && typeof level.at === 'number') level.at++;
        else expectsName = true;
        break;
      case ':':
        expectsName = false;
        break;
      default:
        if (!expectsName || !level?.names) break;
        level.at = lexeme.includes('\\') ? String(JSON.parse(lexeme)) : lexeme.slice(1, -1);
        if (level.names.has(level.at)) errors.push({ path: pathOf(levels), message: 'given more than once' });
        if (level.at === '__proto__') errors.push({ path: pathOf(levels), message: 'unknown field' });
        level.names.add(level.at);
    }
  }
  return errors;
}

function pathOf(levels: readonly Level[]): string {
  return formatPath(levels.map((level) => level.at));
}
