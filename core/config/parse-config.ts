// Validates a configuration document as a whole and fills in the defaults, or names every bad field.
import type { z } from 'zod';
import { withFittingAttempts } from './attempts-rules.ts';
import { crossFieldErrors } from './cross-field.ts';
import type { FieldError } from './field-error.ts';
import { formatPath } from './field-error.ts';
import { withFittingTimeout } from './health-rules.ts';
import { DEPTH_MAX, isJsonObject, isNestedTooDeep, member } from './json.ts';
import { withFittingEjections } from './outlier-schema.ts';
import { REGIONS } from './regions.ts';
import type { Config, ConfigDocument } from './schema.ts';
import { configSchema, poolSchema } from './schema.ts';

export type ParsedConfig =
  | {
      readonly ok: true;
      readonly config: Config;
      /** What was given, now known to be valid: no defaults filled in. */
      readonly document: ConfigDocument;
    }
  | { readonly ok: false; readonly errors: FieldError[] };

/** More would help nobody and could be larger than the document. */
const ERRORS_MAX = 1_000;

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Never throws. O(size of the document). */
export function parseConfig(document: unknown): ParsedConfig {
  if (isNestedTooDeep(document)) {
    return { ok: false, errors: [{ path: '', message: `must not nest deeper than ${DEPTH_MAX}` }] };
  }
  const parsed = configSchema.safeParse(document, { reportInput: true, error: describeIssue });
  const issues = parsed.success ? [] : parsed.error.issues;
  const errors = [
    ...protoErrors(document, []),
    ...issues.flatMap((issue) => issueErrors(issue, [], document)),
    ...crossFieldErrors(document),
  ];
  if (!parsed.success || errors.length > 0) return { ok: false, errors: firstPerPath(errors) };
  const config = withFittingPools(withRegionsFor(parsed.data, document), document);
  return { ok: true, config, document: document as ConfigDocument };
}

/** A document that states only the number of replicas gets as many regions. */
function withRegionsFor(config: Config, document: unknown): Config {
  const { shards } = config;
  if (member(member(document, 'shards'), 'regions') !== undefined) return config;
  if (shards.regions.length === shards.replicas) return config;
  return { ...config, shards: { ...shards, regions: REGIONS.slice(0, shards.replicas) } };
}

/** Defaults that depend on another field of the pool. */
function withFittingPools(config: Config, document: unknown): Config {
  const given = member(document, 'pools');
  const pools = Object.entries(config.pools).map(([name, pool]) => {
    const fitting = withFittingEjections(withFittingTimeout(pool));
    return [name, withFittingAttempts(fitting, member(given, name))] as const;
  });
  return { ...config, pools: Object.fromEntries(pools) };
}

function issueErrors(issue: Issue, prefix: Path, root: unknown): FieldError[] {
  const path = [...prefix, ...issue.path];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: formatPath([...path, key]),
        message: 'unknown field',
      }));
    case 'invalid_key':
      return [
        ...issue.issues.map((inner) => ({ path: formatPath(path), message: inner.message })),
        ...errorsInsideMisnamed(path, root),
      ];
    default:
      return [{ path: formatPath(path), message: issue.message }];
  }
}

/** A record's value is not looked at when its key is bad: look here, so that its bad fields are named too. */
function errorsInsideMisnamed(path: Path, root: unknown): FieldError[] {
  if (path.length !== 2 || path[0] !== 'pools') return [];
  const pool = member(member(root, 'pools'), String(path[1]));
  const parsed = poolSchema.safeParse(pool, { reportInput: true, error: describeIssue });
  return parsed.success ? [] : parsed.error.issues.flatMap((issue) => issueErrors(issue, path, root));
}

/** Schemas skip `__proto__`, as it cannot be told from the prototype in places: refuse it wherever it is. */
function protoErrors(value: unknown, path: Path): FieldError[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const innerPath = [...path, Array.isArray(value) ? Number(key) : key];
    if (key === '__proto__') return [{ path: formatPath(innerPath), message: 'unknown field' }];
    return protoErrors(inner, innerPath);
  });
}

function describeIssue(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined) return 'required';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${expectedText(String(issue.expected))}${receivedText(issue.input)}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map((value: unknown) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return `must ${sizeText(issue.origin)}at least ${issue.minimum}${unitText(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `must ${sizeText(issue.origin)}at most ${issue.maximum}${unitText(issue.origin, issue.maximum)}`;
    default:
      return issue.message ?? 'is not valid';
  }
}

function expectedText(expected: string): string {
  switch (expected) {
    case 'int':
      return 'a whole number';
    case 'array':
      return 'a list';
    case 'record':
    case 'object':
      return 'an object';
    default:
      return `a ${expected}`;
  }
}

function receivedText(input: unknown): string {
  if (typeof input === 'number') return Number.isFinite(input) ? `, not ${input}` : `, not ${String(input)}`;
  if (input === null) return ', not null';
  if (Array.isArray(input)) return ', not a list';
  return isJsonObject(input) ? ', not an object' : `, not a ${typeof input}`;
}

function sizeText(origin: string): string {
  return origin === 'string' || origin === 'array' ? 'have ' : 'be ';
}

function unitText(origin: string, count: number | bigint): string {
  if (origin === 'string') return count === 1 ? ' character' : ' characters';
  if (origin === 'array') return count === 1 ? ' item' : ' items';
  return '';
}

function firstPerPath(errors: readonly FieldError[]): FieldError[] {
  const byPath = new Map<string, FieldError>();
  for (const error of errors) if (!byPath.has(error.path)) byPath.set(error.path, error);
  return [...byPath.values()].slice(0, ERRORS_MAX);
}
