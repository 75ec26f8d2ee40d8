// A script says how an origin treats the requests it matches. The answer is written as it looks on the wire.
import { z } from 'zod';
import { latencySchema } from './latency.ts';
import { bodyOf, FAULTS, type FieldLine, FRAMINGS, patternBody, type Reply, replyOf } from './reply.ts';

const count = z
  .int()
  .min(0)
  .max(2 ** 40);

const duration = z.number().min(0).max(86_400_000);

export const scriptSchema = z.strictObject({
  /** "GET /x", "* /x/*" or "/x": method and path, `*` matches anything; with a `?` the query counts too. */
  on: z.string().default('*'),
  /** Field lines that the request must carry: "If-None-Match: \"a\"", or only a name. */
  when: z.array(z.string()).default([]),
  /** Used up after so many requests; without it the script stays. */
  times: z.int().min(1).optional(),
  /** Applies only now and then; without it always. Times count from when the script was added. */
  during: z
    .strictObject({
      /** From here … */
      fromMs: duration.default(0),
      /** … for so long … */
      forMs: duration.min(1),
      /** … and again after each period; without it once. */
      everyMs: duration.min(1).optional(),
    })
    .refine(({ forMs, everyMs = forMs }) => forMs <= everyMs, {
      path: ['forMs'],
      error: 'longer than everyMs',
    })
    .optional(),
  latency: latencySchema.optional(),
  /** 0–1 of the requests get `errorStatus` instead. */
  errorRatio: z.number().min(0).max(1).default(0),
  errorStatus: z.int().min(100).max(999).default(503),
  /** "503", or "HTTP/1.1 200\nCache-Control: max-age=60\n\nbody", or its lines; none: what the path gives anyway. */
  answer: z.union([z.string(), z.array(z.string())]).optional(),
  /** A generated body of this size instead of the answer's. */
  bodyBytes: count.optional(),
  framing: z.enum(FRAMINGS).optional(),
  chunkBytes: z.int().min(1).optional(),
  chunkIntervalMs: count.optional(),
  fault: z.enum(FAULTS).optional(),
  faultAfterBytes: count.optional(),
  /** false: answer 200 even when the request's validators match. */
  conditional: z.boolean().default(true),
});

export type Script = z.output<typeof scriptSchema>;
export type ScriptInput = z.input<typeof scriptSchema>;

/** Throws a sentence that names every bad field. */
export function parseScript(input: unknown): Script {
  const parsed = scriptSchema.safeParse(input);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'script'}: ${issue.message}`,
    );
    throw new Error(`Cannot use the script: ${problems.join('; ')}`);
  }
  if (parsed.data.answer !== undefined) parseAnswer(parsed.data.answer);
  return parsed.data;
}

/** Whether a script applies that was added so many milliseconds ago. */
export function isDuring({ during }: Pick<Script, 'during'>, ageMs: number): boolean {
  if (!during) return true;
  const { fromMs, forMs, everyMs } = during;
  const sinceMs = ageMs - fromMs;
  return sinceMs >= 0 && (everyMs === undefined ? sinceMs : sinceMs % everyMs) < forMs;
}

interface Answer {
  readonly status: number;
  readonly fields: readonly FieldLine[];
  readonly body: string;
}

export function parseAnswer(answer: string | readonly string[]): Answer {
  const text = typeof answer === 'string' ? answer : answer.join('\n');
  const [, head = '', body = ''] = /^([\s\S]*?)(?:\r?\n\r?\n([\s\S]*))?$/.exec(text) ?? [];
  const [first = '', ...lines] = head.split(/\r?\n/).filter((line) => line !== '');
  const status = /^(?:HTTP\/1\.[01] )?([1-9]\d\d)(?: .*)?$/.exec(first)?.[1];
  if (!status) throw new Error(`Cannot use the answer: its first line is "${first}", not a status`);
  const fields = lines.map((line): FieldLine => {
    const colon = line.indexOf(':');
    if (colon < 1) throw new Error(`Cannot use the answer: "${line}" is no field line`);
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return { status: Number(status), fields, body };
}

/** The reply that the script makes out of what the path alone would give. `delayMs` is not its business. */
export function scriptedReply(script: Script, unscripted: Reply): Reply {
  const { chunkBytes, chunkIntervalMs: intervalMs } = script;
  const answer = script.answer === undefined ? null : parseAnswer(script.answer);
  const base = answer
    ? replyOf(answer.status, answer.fields, bodyOf(answer.body, chunkBytes, intervalMs))
    : unscripted;
  const body =
    script.bodyBytes === undefined ? base.body : patternBody(script.bodyBytes, chunkBytes, intervalMs);
  return {
    ...base,
    body: intervalMs === undefined ? body : { ...body, intervalMs },
    framing: script.framing ?? (body.bytes === null ? 'chunked' : 'length'),
    fault: script.fault ?? base.fault,
    faultAfterBytes: script.faultAfterBytes ?? base.faultAfterBytes,
    conditional: script.conditional,
  };
}
