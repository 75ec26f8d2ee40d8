// Reads the part of EDN (https://github.com/edn-format/edn) that recorded histories are written in: nil, booleans,
// integers, strings, keywords, vectors and maps; commas are white space. Anything else is an error, not a guess.

/** A keyword, with its colon: `:ok`. A class of its own, so that it never equals the string of the same letters. */
export class Keyword {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export type Edn = null | boolean | number | string | Keyword | readonly Edn[] | ReadonlyMap<string, Edn>;

const TOKEN = /[\s,]*(?:([[\]{}])|"((?:[^"\\]|\\.)*)"|([^\s,[\]{}"();#\\]+))/y;
const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\' };

/** The one value that `text` holds. Throws an Error that says what was not understood. O(length). */
export function readEdn(text: string): Edn {
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

/** How a value is named in a message; equal texts mean equal values, so it also serves as a key of a Map. */
export function ednText(value: Edn): string {
  if (value === null) return 'nil';
  if (value instanceof Keyword) return value.name;
  if (typeof value !== 'object') return JSON.stringify(value);
  if (value instanceof Map)
    return `{${[...value].map(([key, held]) => `${key} ${ednText(held)}`).join(', ')}}`;
  return `[${(value as readonly Edn[]).map(ednText).join(' ')}]`;
}

class Reader {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  value(): Edn {
    const { bracket, string, word } = this.token();
    if (string !== undefined) return string.replace(/\\(.)/g, (_, letter: string) => unescaped(letter));
    if (word !== undefined) return atom(word);
    if (bracket === '[') return this.until(']');
    if (bracket === '{') return toMap(this.until('}'));
    throw new Error(`"${bracket}" stands where a value should`);
  }

  end(): void {
    const rest = this.text.slice(this.at).trim();
    if (rest !== '') throw new Error(`more text follows the value: ${rest.slice(0, 40)}`);
  }

  private until(closing: string): Edn[] {
    const values: Edn[] = [];
    for (;;) {
      const before = this.at;
      if (this.token().bracket === closing) return values;
      this.at = before;
      values.push(this.value());
    }
  }

  private token(): { bracket?: string | undefined; string?: string | undefined; word?: string | undefined } {
    TOKEN.lastIndex = this.at;
    const match = TOKEN.exec(this.text);
    if (!match) {
      const rest = this.text.slice(this.at).trim();
      throw new Error(rest === '' ? 'it ends too early' : `not understood: ${rest.slice(0, 40)}`);
    }
    this.at = TOKEN.lastIndex;
    return { bracket: match[1], string: match[2], word: match[3] };
  }
}

function unescaped(letter: string): string {
  const character = ESCAPES[letter];
  if (character === undefined) throw new Error(`the escape \\${letter} is not known`);
  return character;
}

function atom(word: string): Edn {
  if (word === 'nil') return null;
  if (word === 'true' || word === 'false') return word === 'true';
  if (/^:[^:]/.test(word)) return new Keyword(word);
  if (!/^[+-]?\d+$/.test(word)) throw new Error(`not understood: ${word.slice(0, 40)}`);
  const number = Number(word);
  // Two different numbers must not become equal here.
  if (!Number.isSafeInteger(number)) throw new Error(`the number ${word.slice(0, 40)} is too large`);
  return number;
}

function toMap(values: readonly Edn[]): Map<string, Edn> {
  const map = new Map<string, Edn>();
  if (values.length % 2 === 1) throw new Error('a map has a key without a value');
  for (let i = 0; i < values.length; i += 2) {
    const key = ednText(values[i] ?? null);
    if (map.has(key)) throw new Error(`a map has the key ${key} twice`);
    map.set(key, values[i + 1] ?? null);
  }
  return map;
}
