// Header fields as plain data: the form in which core/ sees them, stores them and passes them between objects.

/** Field lines in the order received; names in lower case; repeated lines stay apart. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** All values of a field joined by ", " (RFC 9110 §5.3), or undefined when absent. O(n). */
export function fieldValue(fields: Fields, name: string): string | undefined {
  let joined: string | undefined;
  for (const [fieldName, value] of fields) {
    if (fieldName === name) joined = joined === undefined ? value : `${joined}, ${value}`;
  }
  return joined;
}

/** The lines of one field, in order. O(n). */
export function fieldLines(fields: Fields, name: string): string[] {
  const lines: string[] = [];
  for (const [fieldName, value] of fields) if (fieldName === name) lines.push(value);
  return lines;
}
