// The scripts of one origin, in order: the first one that matches and is not used up decides.
import { drawLatencyMs } from './latency.ts';
import { type FieldLine, fieldValue, type Reply, textReply } from './reply.ts';
import { isDuring, parseScript, type Script, scriptedReply } from './script.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

export interface ScriptedRequest {
  readonly method: string;
  /** As it stood on the request line. */
  readonly target: string;
  readonly fields: readonly FieldLine[];
}

interface Entry {
  readonly script: Script;
  readonly random: SeededRandom;
  /** By the book's clock. */
  readonly addedMs: number;
  left: number;
}

const SCRIPTS_MAX = 1_000;

export class ScriptBook {
  readonly #seed: number;
  readonly #now: () => number;
  #entries: Entry[] = [];
  #added = 0;

  /** `now`: milliseconds that never go back, for scripts that apply now and then. */
  constructor(seed: number, now: () => number) {
    this.#seed = seed;
    this.#now = now;
  }

  /** Appends; throws a sentence when a script is wrong, and then none is added. */
  add(...inputs: readonly unknown[]): void {
    const scripts = inputs.map(parseScript);
    this.#entries = this.#entries.filter((entry) => entry.left > 0);
    if (this.#entries.length + scripts.length > SCRIPTS_MAX) {
      throw new Error(`Cannot add scripts: ${this.#entries.length} are there, ${SCRIPTS_MAX} is the limit`);
    }
    for (const script of scripts) {
      const random = seededRandom(this.#seed + 7919 * this.#added++);
      const left = script.times ?? Number.POSITIVE_INFINITY;
      this.#entries.push({ script, random, addedMs: this.#now(), left });
    }
  }

  /** Throws as `add` would. */
  check(...inputs: readonly unknown[]): void {
    inputs.forEach(parseScript);
  }

  clear(): void {
    this.#entries = [];
  }

  /** Scripts that still apply, with what is left of their `times`. */
  list(): Script[] {
    return this.#entries
      .filter((entry) => entry.left > 0)
      .map(({ script, left }) => (script.times === undefined ? script : { ...script, times: left }));
  }

  /** `unscripted` is what the path gives without a script. Uses up one of the script's `times`. */
  reply(request: ScriptedRequest, unscripted: Reply): Reply {
    const nowMs = this.#now();
    const entry = this.#entries.find(
      ({ script, left, addedMs }) =>
        left > 0 && isDuring(script, nowMs - addedMs) && matches(script, request),
    );
    if (!entry) return unscripted;
    entry.left -= 1;
    const { script, random } = entry;
    const delayMs = script.latency ? drawLatencyMs(script.latency, random) : 0;
    const isError = script.errorRatio > 0 && random() < script.errorRatio;
    const reply = isError
      ? textReply(script.errorStatus, `scripted error ${script.errorStatus}\n`)
      : scriptedReply(script, unscripted);
    return { ...reply, delayMs: reply.delayMs + delayMs };
  }
}

/** Whether `on` ("GET /x", "/x*", "*") covers the method and target. */
export function covers(on: string, method: string, target: string): boolean {
  const [, methodPattern = '*', pathPattern = '*'] = /^(?:([A-Za-z*-]+)\s+)?(\S+)$/.exec(on.trim()) ?? [];
  if (methodPattern !== '*' && methodPattern.toUpperCase() !== method) return false;
  const subject = pathPattern.includes('?') ? target : (target.split('?')[0] ?? '');
  return glob(pathPattern, subject);
}

/** `*` stands for any characters. O(pattern × text) at worst. */
function glob(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  if (rest.length === 0) return pattern === text;
  const last = rest.pop() ?? '';
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

function matches(script: Script, request: ScriptedRequest): boolean {
  return (
    covers(script.on, request.method, request.target) &&
    script.when.every((line) => {
      const colon = line.indexOf(':');
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = fieldValue(request.fields, name.trim());
      return value !== null && (colon < 0 || value === line.slice(colon + 1).trim());
    })
  );
}
