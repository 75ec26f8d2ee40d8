// Fields that the interface names and this version does not have yet. They are refused by that name:
// accepting and ignoring them would be a lie, calling them unknown a misunderstanding.

export const NOT_SUPPORTED_YET = 'not supported yet';

/** `*` stands for a name of the user, `[]` for a place in a list. */
const FIELDS: ReadonlySet<string> = new Set(['staleness']);

/** The place in the table above that stands for `path`. */
function patternOf(path: readonly PropertyKey[]): string {
  let pattern = '';
  path.forEach((part, depth) => {
    if (typeof part === 'number') pattern += '[]';
    else if (depth === 1 && path[0] === 'pools') pattern += '.*';
    else pattern += pattern === '' ? String(part) : `.${String(part)}`;
  });
  return pattern;
}

export function isFieldNotSupportedYet(path: readonly PropertyKey[]): boolean {
  return FIELDS.has(patternOf(path));
}
