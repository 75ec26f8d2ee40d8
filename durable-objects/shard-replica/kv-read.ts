// A read of one key-value pair inside the member.
import { etagOf } from '../../core/replication/etag.ts';
import { promiseOf } from '../../core/replication/read-need.ts';
import { bodyBytes } from '../../core/replication/sizes.ts';
import type { KvReadAnswer, KvReadRequest, MemberRefusal } from '../interfaces/shard-replica.ts';
import type { RunningReplica } from '../run-effects.ts';
import { joinBody } from './read-body.ts';
import { refusalOf } from './refusal.ts';

type Unaddressed<A> = A extends unknown ? Omit<A, 'header' | 'groupId' | 'view'> : never;

export type KvFound = Unaddressed<Extract<KvReadAnswer, { type: 'found' | 'absent' }>>;

export function readKv(
  replica: RunningReplica,
  readChunk: (hash: string) => Uint8Array | undefined,
  { key, need, withBody }: Pick<KvReadRequest, 'key' | 'need' | 'withBody'>,
): Promise<KvFound | MemberRefusal> {
  return new Promise((resolve, reject) => {
    replica.askThen({ type: 'read', key, lease: 'none', ...promiseOf(need) }, (ask) => {
      try {
        resolve(describe());
      } catch (error) {
        reject(error);
      }

      function describe(): KvFound | MemberRefusal {
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
    });
  });
}
