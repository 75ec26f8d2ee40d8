// The form of a conformance case: what is sent, what the origin would answer if asked, and who has to answer.
import type { KeyOptions } from '../../core/cache/cache-key.ts';
import type { CachePolicy } from '../../core/cache/policy.ts';

/** Seconds relative to the moment of the step become an HTTP date. */
export type FieldSpec = readonly [name: string, value: string | number];

export interface Step {
  /** Default: GET /. */
  readonly method?: string;
  readonly url?: string;
  readonly request?: readonly FieldSpec[];
  /** What the origin answers if it is reached; null = nobody answers. Default: 200 without fields. */
  readonly origin?: {
    readonly status?: number;
    readonly fields?: readonly FieldSpec[];
    readonly body?: string;
    /** Answer 304 when the request's If-None-Match or If-Modified-Since equals ETag or Last-Modified. Default: true. */
    readonly validates?: boolean;
    /** Fields of that 304, if not the same. */
    readonly fieldsOf304?: readonly FieldSpec[];
    /** To a request without Range and without tags, if not the same. */
    readonly toPlain?: NonNullable<Step['origin']>;
  } | null;
  /** Time that the origin takes, and time that goes by after the step, s. */
  readonly delaySeconds?: number;
  readonly thenSeconds?: number;
  readonly expect?: {
    readonly from?: 'cache' | 'origin' | 'validated' | 'edge';
    readonly status?: number;
    readonly fields?: readonly FieldSpec[];
    /** Names that the answer must not have. */
    readonly absent?: readonly string[];
    readonly body?: string;
    /** The body of the step with this number, counted from 0. */
    readonly bodyOfStep?: number;
    /** How often the origin was asked. */
    readonly asked?: number;
    /** Fields that the origin must have got, the first time. */
    readonly sent?: readonly FieldSpec[];
    readonly notSent?: readonly string[];
  };
}

export interface ConformanceCase {
  readonly id: string;
  /** Of which specification, as "RFC 9111 §4.2.1". */
  readonly section: string;
  readonly title: string;
  /** required: a MUST; optimal: what a good cache does with what it may; chosen: where the texts leave it open. */
  readonly kind: 'required' | 'optimal' | 'chosen';
  /** What the route says; default: nothing. */
  readonly policy?: Partial<CachePolicy>;
  readonly key?: Partial<KeyOptions>;
  readonly steps: readonly Step[];
}

export type Origins = NonNullable<Step['origin']>;

/** A response of the origin, with a Date of now where none is given. */
/** The whole table under what one route says. */
export function under(
  route: Pick<ConformanceCase, 'policy' | 'key'>,
  cases: readonly ConformanceCase[],
): readonly ConformanceCase[] {
  return cases.map((conformanceCase) => ({ ...conformanceCase, ...route }));
}

export function stored(...fields: FieldSpec[]): Step {
  const hasDate = fields.some(([name]) => name === 'date');
  return { origin: { fields: hasDate ? fields : [['date', 0], ...fields] } };
}

/** Expects the first step's response out of the cache. */
export const REUSED: Step = { expect: { from: 'cache', bodyOfStep: 0 } };

/** Expects a fetch without conditions. */
export const FETCHED: Step = {
  expect: { from: 'origin', notSent: ['if-none-match', 'if-modified-since'] },
};

export function after(seconds: number, step: Step): Step {
  return { ...step, thenSeconds: seconds };
}

export function asking(request: readonly FieldSpec[], step: Step): Step {
  return { ...step, request };
}
