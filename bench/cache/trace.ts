// Request traces: one request a line, `time key size`, plain or gzip. The time is not used (order is what counts); a key
// is any text without white space; the size is in bytes, 1 where the source has none (0 counts as 1).
import { InputError } from '../input-error.ts';
import { readText } from '../read-text.ts';

export interface Trace {
  /** As the caller wrote it. */
  readonly name: string;
  /** The distinct keys, in the order of their first appearance. */
  readonly keys: readonly string[];
  /** By request: index of its key, and its size in bytes. */
  readonly requests: Uint32Array;
  readonly sizes: Float64Array;
  /** Sum of the sizes at each key's first appearance. */
  readonly distinctBytes: number;
  /** Some sizes differ. */
  readonly isSized: boolean;
}

/** @param path resolved @param name for errors and results */
export function readTrace(path: string, name: string): Trace {
  return parseTrace(readText(path, `the trace ${name}`), name);
}

const LINE = /^(\d+(?:\.\d+)?)[ \t]+(\S+)[ \t]+(\d{1,15})[ \t]*\r?$/;

export function parseTrace(text: string, name: string): Trace {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const requests = new Uint32Array(lines.length);
  const sizes = new Float64Array(lines.length);
  const keys: string[] = [];
  const indexOf = new Map<string, number>();
  let distinctBytes = 0;
  let isSized = false;
  for (const [i, line] of lines.entries()) {
    const match = LINE.exec(line);
    if (match === null) {
      const shown = line.length > 60 ? `${line.slice(0, 60)}…` : line;
      throw new InputError(
        `Cannot read the trace ${name}: line ${i + 1} is not "time key size": ${JSON.stringify(shown)}`,
      );
    }
    const key = match[2] as string;
    const size = Math.max(1, Number(match[3]));
    let index = indexOf.get(key);
    if (index === undefined) {
      // Cut out of the whole text: a slice would keep all of it in memory.
      const own = Buffer.from(key).toString();
      index = keys.push(own) - 1;
      indexOf.set(own, index);
      distinctBytes += size;
    }
    requests[i] = index;
    sizes[i] = size;
    isSized ||= size !== sizes[0];
  }
  if (lines.length === 0) throw new InputError(`Cannot use the trace ${name}: it holds no request`);
  return { name, keys, requests, sizes, distinctBytes, isSized };
}
