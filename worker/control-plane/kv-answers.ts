// What a write of key-value data came to, as a status: for the single calls and for each op of a batch alike.
import type { CommandResult } from '../../core/replication/commands.ts';
import type { ShardFailure } from '../data-plane/shard-client.ts';
import { invalid, Problem, type ProblemExtras } from './problem.ts';

/** Of the value of a pair, kept beside its bytes. */
export interface ValueMeta {
  readonly contentType: string;
}

export function metaText(contentType: string): string {
  const meta: ValueMeta = { contentType };
  return JSON.stringify(meta);
}

export type Written =
  | { readonly type: 'stored'; readonly created: boolean; readonly etag: string }
  | { readonly type: 'deleted' }
  | { readonly type: 'incremented'; readonly value: number; readonly etag: string };

/** What was done; throws the problem that kept it from being done. */
export function writtenOf(result: CommandResult, namespace: string, key: string): Written {
  switch (result.type) {
    case 'stored':
    case 'incremented':
      return result;
    case 'deleted':
      if (!result.existed) throw noSuchKey(namespace, key);
      return { type: 'deleted' };
    case 'condition-failed':
      throw conditionFailed(result.etag);
    case 'full':
      throw new Problem('full', `Cannot store ${JSON.stringify(key)}: its shard is full`);
    case 'not-an-integer':
      throw new Problem(
        'not-an-integer',
        `Cannot increment ${JSON.stringify(key)}: its value is no integer in decimal`,
        withTag(result.etag),
      );
    case 'out-of-range':
      throw new Problem(
        'out-of-range',
        `Cannot increment ${JSON.stringify(key)}: the sum would lie beyond ±(2^53 − 1)`,
        withTag(result.etag),
      );
    case 'request-mismatch': {
      const message = 'was used for another write of this key within the last 10 minutes';
      throw invalid([{ path: 'Idempotency-Key', message }]);
    }
    case 'filled':
    case 'fill-refused':
    case 'purged':
    case 'done':
      throw new Error(`Cannot answer a key-value write: a shard answered "${result.type}"`);
  }
}

export function failureProblem(failure: ShardFailure): Problem {
  if (failure.type === 'outcome-unknown') {
    return new Problem('outcome-unknown', `The write may or may not have happened: ${failure.detail}`);
  }
  const headers = { 'retry-after': '1' };
  return new Problem('shard-unavailable', `Nothing was done: ${failure.detail}`, { headers });
}

export function conditionFailed(etag: string | null): Problem {
  const detail = etag === null ? 'There is no such key' : `The current ETag is "${etag}"`;
  return new Problem('precondition-failed', detail, withTag(etag));
}

export function noSuchKey(namespace: string, key: string): Problem {
  return new Problem('not-found', `There is no key ${JSON.stringify(key)} in namespace "${namespace}"`);
}

function withTag(etag: string | null): ProblemExtras {
  const tag = etag === null ? null : `"${etag}"`;
  return { headers: tag === null ? {} : { etag: tag }, members: { etag: tag } };
}
