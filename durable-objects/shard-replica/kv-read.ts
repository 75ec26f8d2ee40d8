// A read of one key-value pair inside the member.
import { etagOf } from '../../core/replication/etag.ts';
import { promiseOf } from '../../core/replication/read-need.ts';
import { bodyBytes } from '../../core/replication/sizes.ts';
import type { KvFound, KvReadRequest, MemberRefusal } from '../interfaces/shard-replica.ts';
import type { Ask, RunningReplica } from '../run-effects.ts';
import { joinBody } from './read-body.ts';
import { refusalOf } from './refusal.ts';

type ReadChunk = (hash: string) => Uint8Array | undefined;

export function readKv(
  replica: RunningReplica,
  readChunk: ReadChunk,
  { key, need, withBody }: Pick<KvReadRequest, 'key' | 'need' | 'withBody'>,
): Promise<KvFound | MemberRefusal> {
  return new Promise((resolve, reject) => {
    replica.askThen({ type: 'read', key, lease: 'none', ...promiseOf(need) }, (ask) => {
      try {
        resolve(describeKv(ask, readChunk, withBody));
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** What a read of a pair's key came to. In the turn of the answer: a body may have to be read. */
export function describeKv(ask: Ask, readChunk: ReadChunk, withBody: boolean): KvFound | MemberRefusal {
  if (ask.type !== 'answered' || ask.answer.type !== 'rows') return refusalOf(ask);
  const { rows, bookmark, t } = ask.answer;
  const row = rows[0];
  if (row === undefined) return { type: 'absent', bookmark };
  const { value, writtenAt, expireAt, tags } = row;
  return {
    type: 'found',
    meta: value.meta,
    etag: etagOf(row),
    writtenAt,
    expireAt,
    t,
    tags,
    body: withBody ? joinBody(value.body, readChunk) : null,
    bodyBytes: bodyBytes(value.body),
    bookmark,
  };
}
