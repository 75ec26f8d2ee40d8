// Commands from an object to the shards. Objects may share stubs and promises between calls, so a stub lives until a
// call through it fails; what to do after a failure is the same policy that the edges follow.

import type { CommandResult } from '../core/replication/commands.ts';
import { PROTOCOL_VERSION } from '../core/replication/messages.ts';
import { primaryOf } from '../core/replication/quorum.ts';
import type { Viewstamp } from '../core/replication/viewstamp.ts';
import {
  afterFailure,
  asksRelay,
  beginCall,
  betterHint,
  type FailedTry,
  type GroupCall,
  type PrimaryHint,
} from '../core/sharding/group-call.ts';
import { Relays } from '../core/sharding/relays.ts';
import type { ShardGroup } from './interfaces/directory.ts';
import type { ShardReplicaRpc, SubmitAnswer, SubmitRequest } from './interfaces/shard-replica.ts';
import { within } from './within.ts';

export type Submitted =
  | {
      readonly type: 'results';
      readonly results: readonly CommandResult[];
      readonly bookmark: Viewstamp;
      /** Members of an older version do not tell. */
      readonly limitMs?: number;
    }
  | { readonly type: 'failed'; readonly detail: string };

/** A primary that takes longer for one try is suspected. */
const TRY_MS = 1_500;

export class ShardCaller {
  readonly #namespace: DurableObjectNamespace;
  readonly #now: () => number;
  readonly #hints = new Map<string, PrimaryHint>();
  readonly #relays = new Relays();

  constructor(namespace: DurableObjectNamespace, now: () => number) {
    this.#namespace = namespace;
    this.#now = now;
  }

  /** Tries until the deadline; whatever was done by a failed call is not done twice by the next with the same ids. */
  async submit(
    group: ShardGroup,
    mapEpoch: number,
    requests: SubmitRequest['requests'],
    deadlineAt: number,
  ): Promise<Submitted> {
    const { groupId, members } = group;
    let call = beginCall(
      this.#hints.get(groupId) ?? { view: 0, primary: 0 },
      this.#relays.via(groupId, this.#now()),
    );
    for (;;) {
      const limitMs = Math.max(0, deadlineAt - this.#now());
      const answer = await this.#try(group, mapEpoch, call, requests, Math.min(limitMs, TRY_MS));
      if (answer.type === 'results') {
        const { view } = answer;
        this.#hints.set(groupId, { view, primary: primaryOf(view, members.length) });
        if (asksRelay(call)) this.#relays.served(groupId, call.target, this.#now());
        else this.#relays.forget(groupId);
        return answer;
      }
      if (answer.type === 'not-primary' || answer.type === 'deposed')
        this.#hints.set(group.groupId, betterHint(call.hint, answer));
      if (asksRelay(call)) this.#relays.forget(groupId);
      const move = afterFailure(call, answer, deadlineAt - this.#now(), members.length);
      if (move.type === 'give-up') return { type: 'failed', detail: move.detail };
      if (move.afterMs > 0) await new Promise((resolve) => setTimeout(resolve, move.afterMs));
      call = move.call;
    }
  }

  async #try(
    group: ShardGroup,
    mapEpoch: number,
    call: GroupCall,
    requests: SubmitRequest['requests'],
    limitMs: number,
  ): Promise<SubmitAnswer | FailedTry> {
    const { target: member, suspects } = call;
    const found = group.members[member];
    if (found === undefined) throw new Error(`Cannot call member ${member} of ${group.members.length}`);
    const { name, region } = found;
    const stub = this.#namespace.get(this.#namespace.idFromName(name), {
      locationHint: region as DurableObjectLocationHint,
    }) as unknown as ShardReplicaRpc;
    const to = { shard: group.shard, member, name };
    const known = { protocol: PROTOCOL_VERSION, mapEpoch, configVersion: 0, healthEpoch: 0 };
    const header = { ...known, suspects, relay: asksRelay(call) };
    try {
      const answer = await within(limitMs, stub.submit({ to, header, requests }));
      return answer ?? { type: 'timed-out' };
    } catch (error) {
      const overloaded = error instanceof Error && 'overloaded' in error && error.overloaded === true;
      return { type: 'threw', overloaded, message: String(error) };
    }
  }
}
