// One page of a namespace's names inside the member. The read before it, of a key that is none, makes sure that the
// member may answer and how fresh it is; the page follows in the same turn.
import { promiseOf } from '../../core/replication/read-need.ts';
import type { KvPageAnswer, KvPageRequest, MemberRefusal } from '../interfaces/shard-replica.ts';
import type { RunningReplica } from '../run-effects.ts';
import { refusalOf } from './refusal.ts';

export type KvPage = Omit<Extract<KvPageAnswer, { type: 'page' }>, 'header' | 'groupId' | 'view'>;

export function pageKv(
  replica: RunningReplica,
  { need, namespace, prefix, after, limit }: KvPageRequest,
): Promise<KvPage | MemberRefusal> {
  return new Promise((resolve, reject) => {
    replica.askThen({ type: 'read', key: '', lease: 'none', ...promiseOf(need) }, (read) => {
      if (read.type !== 'answered' || read.answer.type !== 'rows') {
        settle(() => refusalOf(read));
        return;
      }
      replica.askThen({ type: 'page', namespace, prefix, after, limit }, (ask) =>
        settle(() => (ask.type === 'answered' && ask.answer.type === 'page' ? ask.answer : refusalOf(ask))),
      );
    });

    function settle(answer: () => KvPage | MemberRefusal): void {
      try {
        resolve(answer());
      } catch (error) {
        reject(error);
      }
    }
  });
}
