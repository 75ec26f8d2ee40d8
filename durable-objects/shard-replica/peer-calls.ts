// Calls to the other members of the group. A stub is kept until a call through it fails: then it is dead for good.
import type { Message } from '../../core/replication/messages.ts';
import type { ShardMember } from '../interfaces/directory.ts';
import type { MemberAddress, ShardReplicaRpc } from '../interfaces/shard-replica.ts';
import { pack } from './packed-message.ts';
import type { WorkCount } from './work-count.ts';

export class PeerCalls {
  readonly #namespace: DurableObjectNamespace;
  readonly #shard: number;
  readonly #members: readonly ShardMember[];
  readonly #work: WorkCount;
  readonly #stubs = new Map<number, ShardReplicaRpc>();
  /** Members that take entries packed: those of version 0.1 do not, and do not say so. */
  readonly #unpacking = new Set<number>();

  constructor(
    namespace: DurableObjectNamespace,
    shard: number,
    members: readonly ShardMember[],
    work: WorkCount,
  ) {
    this.#namespace = namespace;
    this.#shard = shard;
    this.#members = members;
    this.#work = work;
  }

  async deliver(message: Message): Promise<Message | null> {
    const member = message.to;
    const sent = this.#unpacking.has(member) ? pack(message) : message;
    const answer = await this.call(member, (stub, to) => stub.deliver(to, sent));
    if (answer === null) return null;
    // Members of an earlier version tell neither.
    this.#work.wrote(answer.rowsWritten ?? 0);
    if (answer.unpacks === true) this.#unpacking.add(member);
    return answer;
  }

  async call<A>(member: number, call: (stub: ShardReplicaRpc, to: MemberAddress) => Promise<A>): Promise<A> {
    const { name, region } = this.#member(member);
    const stub = this.#stubs.get(member) ?? this.#connect(member, name, region);
    this.#work.called();
    try {
      return await call(stub, { shard: this.#shard, member, name });
    } catch (error) {
      this.#unpacking.delete(member);
      if (this.#stubs.get(member) === stub) this.#stubs.delete(member);
      throw error;
    }
  }

  #connect(member: number, name: string, region: string): ShardReplicaRpc {
    const locationHint = region as DurableObjectLocationHint;
    const id = this.#namespace.idFromName(name);
    const stub = this.#namespace.get(id, { locationHint }) as unknown as ShardReplicaRpc;
    this.#stubs.set(member, stub);
    return stub;
  }

  #member(member: number): ShardMember {
    const found = this.#members[member];
    if (found === undefined) throw new Error(`Cannot reach member ${member} of ${this.#members.length}`);
    return found;
  }
}
