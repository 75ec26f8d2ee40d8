// One real replica on its own disk, stepped by hand: for tests that say exactly what happens to it and look at every
// effect. With `members: 1` it is a whole group, and commands are answered in the step that asks.
import type { Command, CommandResult, FillToken, Value } from '../../core/replication/commands.ts';
import type { Effect } from '../../core/replication/effects.ts';
import type { ReplicaLimits } from '../../core/replication/limits.ts';
import { DEFAULT_LIMITS } from '../../core/replication/limits.ts';
import type {
  ClientAnswer,
  ClientRequest,
  LeaseWish,
  LogEntry,
  Message,
  MessageBody,
  ReplicaEvent,
} from '../../core/replication/messages.ts';
import { PROTOCOL_VERSION } from '../../core/replication/messages.ts';
import { createReplica, type ReplicaState, step } from '../../core/replication/replica.ts';
import { MemoryStore } from '../../simulate/memory-store.ts';

export class Solo {
  readonly store: MemoryStore;
  state: ReplicaState;
  /** Epoch ms of its clock. */
  now = 1_000_000;
  /** Of the last step. */
  effects: readonly Effect[] = [];
  private readonly limits: Partial<ReplicaLimits>;
  private readonly memberId: number;
  private nextId = 1;
  private lives = 0;

  constructor(
    options: {
      members?: number;
      member?: number;
      incarnation?: number;
      limits?: Partial<ReplicaLimits>;
    } = {},
  ) {
    this.memberId = options.member ?? 0;
    // What is applied is looked for in the store: it does not wait there for more.
    this.limits = { overlayOpsMax: 0, ...options.limits };
    this.store = new MemoryStore({
      groupId: 'g1',
      shard: 0,
      memberId: this.memberId,
      memberCount: options.members ?? 1,
      incarnation: options.incarnation ?? 1,
      epoch: 1,
    });
    this.state = this.boot();
  }

  /** A new life on the same disk. */
  boot(): ReplicaState {
    this.state = createReplica(this.store, this.limits);
    this.lives += 1;
    this.run({ type: 'boot', nonce: `life-${this.lives}` });
    return this.state;
  }

  run(event: ReplicaEvent): readonly Effect[] {
    this.effects = step(this.state, this.store, event, this.now);
    for (const effect of this.effects) if (effect.type === 'persist') this.store.write(effect.writes);
    return this.effects;
  }

  /** Asks as a client; the answer of this very step, if there is one. */
  ask(request: ClientRequest): ClientAnswer | undefined {
    const id = this.nextId++;
    this.run({ type: 'client', id, request });
    return this.answerTo(id);
  }

  answerTo(id: number): ClientAnswer | undefined {
    for (const effect of this.effects) if (effect.type === 'reply' && effect.id === id) return effect.answer;
    return undefined;
  }

  /** The id that `ask` gave to its last request. */
  get lastId(): number {
    return this.nextId - 1;
  }

  /** The result in a group of one. */
  command(command: Command, reqId = `r${this.nextId}`): CommandResult {
    const answer = this.ask({ type: 'command', reqId, command });
    if (answer?.type !== 'result') throw new Error(`No result, but ${answer?.type}`);
    return answer.result;
  }

  read(key: string, lease: LeaseWish = 'none'): Extract<ClientAnswer, { type: 'rows' }> {
    // At any level: what is applied, in this very step.
    const answer = this.ask({ type: 'read', key, lease, level: 'any' });
    if (answer?.type !== 'rows') throw new Error(`No rows, but ${answer?.type}`);
    return answer;
  }

  /** What is stored live under the key, as the metas of its rows. */
  metas(key: string): string[] {
    return this.read(key).rows.map(({ value }) => value.meta);
  }

  takeLease(key: string): FillToken {
    const { lease } = this.read(key, 'always');
    if (lease?.type !== 'granted') throw new Error(`The lease of ${key} was ${lease?.type}`);
    return lease.token;
  }

  takeToken(key: string): FillToken {
    const answer = this.ask({ type: 'token', key });
    if (answer?.type !== 'lease' || answer.lease.type !== 'granted')
      throw new Error(`No token of ${key}, but ${answer?.type}`);
    return answer.lease.token;
  }

  /** Hears a message from another member. */
  hear(from: number, body: MessageBody, extra: Partial<Message> = {}): MessageBody[] {
    const message: Message = {
      protocol: PROTOCOL_VERSION,
      groupId: 'g1',
      epoch: 1,
      from,
      to: this.memberId,
      incarnation: 1,
      view: this.state.view,
      body,
      ...extra,
    };
    this.run({ type: 'message', message });
    return this.sent();
  }

  /** The member answers the primary's newest confirm round. */
  confirmFrom(member: number): void {
    const id = `${this.state.nonce}.${this.state.primary?.lastRound}`;
    this.hear(member, { type: 'confirmOk', id, clock: { s: this.now, nonce: `of-${member}` } });
  }

  /** Bodies that the last step sent, to one member or to any. */
  sent(to?: number): MessageBody[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'send' && (to === undefined || effect.message.to === to) ? [effect.message.body] : [],
    );
  }

  /** The writes that the last step made durable. */
  written(): readonly string[] {
    return this.effects.flatMap((effect) =>
      effect.type === 'persist' ? effect.writes.map(({ type }) => type) : [],
    );
  }
}

export function text(meta: string, bytes = 4): Value {
  return { meta, body: { type: 'inline', bytes: new Uint8Array(bytes) } };
}

export function put(
  key: string,
  meta: string,
  more: Partial<Extract<Command, { type: 'put' }>> = {},
): Command {
  return { type: 'put', key, value: text(meta), condition: null, ttlMs: null, tags: [], ...more };
}

export function fill(
  key: string,
  meta: string,
  token: FillToken,
  more: Partial<Extract<Command, { type: 'fill' }>> = {},
): Command {
  return { type: 'fill', key, variant: '', value: text(meta), token, ttlMs: 600_000, tags: [], ...more };
}

/** A log entry as a primary would make it, with one put per meta. */
export function entry(op: number, view: number, ...metas: string[]): LogEntry {
  const items = metas.map((meta) => ({
    reqId: `${view}-${op}-${meta}`,
    digest: meta,
    command: put('k', meta),
  }));
  return { op, view, t: 1_000_000 + op * 10 + view, items };
}

export const WINDOW = DEFAULT_LIMITS.windowMax;
