// The few shapes that most field values are made of (RFC 9110 §5.6): tokens, quoted strings and comma lists.

/** RFC 9110 §5.6.2. */
export const TOKEN_CHARACTERS = "!#$%&'*+\\-.^_`|~0-9A-Za-z";

const TOKEN = new RegExp(`^[${TOKEN_CHARACTERS}]+$`);

export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/**
 * The pieces between separators that stand outside quoted strings (RFC 9110 §5.6.4), blanks around them removed,
 * empty ones kept. A quoted string that never ends reaches to the end of the text. O(n).
 */
export function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  if (!text.includes('"')) return text.split(separator).map(trimBlanks);
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted && character === '\\') i++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      pieces.push(trimBlanks(text.slice(start, i)));
      start = i + 1;
    }
  }
  pieces.push(trimBlanks(text.slice(start)));
  return pieces;
}

/** Members of a comma list (RFC 9110 §5.6.1.2: a recipient ignores empty ones). O(n). */
export function listMembers(text: string): string[] {
  return splitOutsideQuotes(text, ',').filter((member) => member !== '');
}

/** Without the optional white space of HTTP around it: spaces and tabs only (RFC 9110 §5.6.3). O(n). */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
