// Every refusal of the control plane as one kind of answer: problem+json (RFC 9457) with a stable code.
import type { FieldError } from '../../core/config/field-error.ts';

/** Status and title by code; the code is what programs may rely on. */
const PROBLEMS = {
  'bad-json': [400, 'The body is not JSON'],
  'bad-header': [400, 'A header field cannot be read'],
  unauthorized: [401, 'A bearer token is needed'],
  forbidden: [403, 'The token does not allow this'],
  'not-found': [404, 'There is no such resource'],
  'method-not-allowed': [405, 'The resource has no such method'],
  'not-an-integer': [409, 'The value is not an integer'],
  'out-of-range': [409, 'The sum is out of range'],
  'majority-at-risk': [409, 'The other members are no majority that can do without this one'],
  'not-beyond-repair': [409, 'The shard can still be repaired'],
  'version-conflict': [412, 'The configuration has changed'],
  'precondition-failed': [412, 'The condition does not hold'],
  'too-large': [413, 'The body is too large'],
  'unsupported-media-type': [415, 'The body has a format that is not supported'],
  invalid: [422, 'The request is not valid'],
  internal: [500, 'The edge failed'],
  'control-plane-closed': [503, 'The control plane is closed'],
  'no-config': [503, 'No configuration yet'],
  'directory-unavailable': [503, 'The directory cannot be reached'],
  'monitor-unavailable': [503, 'A health monitor cannot be reached'],
  'shard-unavailable': [503, 'A shard cannot be reached'],
  'purge-unavailable': [503, 'The purge coordinator cannot be reached'],
  'telemetry-unavailable': [503, 'The counters cannot be reached'],
  'outcome-unknown': [504, 'The outcome of the write is not known'],
  'purge-pending': [504, 'The purge is not complete yet'],
  full: [507, 'The shard is full'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

export function statusOf(code: ProblemCode): number {
  return PROBLEMS[code][0];
}

export interface ProblemExtras {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the document. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** Thrown by the calls, turned into a response at one place. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.name = 'Problem';
    this.code = code;
    this.extras = extras;
  }
}

/** 422 with every bad field named. */
export function invalid(
  errors: readonly FieldError[],
  headers: Readonly<Record<string, string>> = {},
): Problem {
  const named = errors.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
  const more = named.length > 3 ? ` and ${named.length - 3} more` : '';
  return new Problem('invalid', `${named.slice(0, 3).join('; ')}${more}`, { errors, headers });
}

export function problemResponse({ code, message, extras }: Problem, requestId: string): Response {
  const [status, title] = PROBLEMS[code];
  const body = {
    type: `urn:roundel:problem:${code}`,
    title,
    status,
    detail: message,
    requestId,
    ...(extras.errors && { errors: extras.errors }),
    ...extras.members,
  };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', ...extras.headers },
  });
}
