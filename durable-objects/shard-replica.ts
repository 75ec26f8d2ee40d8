// One member of a shard's group: the replication core in a Durable Object. It owns the order of things (birth before
// identity, boot before anything else, one event at a time) and turns calls into events; what the protocol does about
// them is core/replication's, what the cache makes of stored responses is core/cache's.
import { DurableObject } from 'cloudflare:workers';
import type { FillToken } from '../core/replication/commands.ts';
import { type Message, PROTOCOLS_UNDERSTOOD } from '../core/replication/messages.ts';
import { replicaStatus } from '../core/replication/status.ts';
import type {
  BatchAnswer,
  BatchRequest,
  CountedMessage,
  EdgeHeader,
  GatheredAnswer,
  GatheredRequest,
  KvPageAnswer,
  KvPageRequest,
  KvReadAnswer,
  KvReadRequest,
  LookupAnswer,
  LookupRequest,
  MemberAddress,
  MemberRefusal,
  MemberStatus,
  MemberWork,
  PackedMessage,
  ShardReplicaRpc,
  StageAnswer,
  SubmitAnswer,
  SubmitRequest,
} from './interfaces/shard-replica.ts';
import type { NewEvent } from './interfaces/telemetry.ts';
import { directoryOf, recordEvents } from './other-objects.ts';
import { RunningReplica } from './run-effects.ts';
import { runBatch } from './shard-replica/batch.ts';
import { Birth } from './shard-replica/birth.ts';
import { BirthRecord } from './shard-replica/birth-record.ts';
import { hasHash } from './shard-replica/chunk-hash.ts';
import { runGathered } from './shard-replica/gathered.ts';
import { HeardHeader } from './shard-replica/heard-header.ts';
import { pageKv } from './shard-replica/kv-page.ts';
import { readKv } from './shard-replica/kv-read.ts';
import { lookUp } from './shard-replica/lookup.ts';
import { unpack } from './shard-replica/packed-message.ts';
import { PeerCalls } from './shard-replica/peer-calls.ts';
import { refusalOf } from './shard-replica/refusal.ts';
import { submitAll } from './shard-replica/submit.ts';
import { countedSql, WorkCount } from './shard-replica/work-count.ts';
import { createTables } from './storage/schema.ts';
import { SqliteStore } from './storage/sqlite-store.ts';
import { within } from './within.ts';

interface ShardReplicaEnv {
  readonly DIRECTORY: DurableObjectNamespace;
  readonly SHARD_REPLICA: DurableObjectNamespace;
  readonly TELEMETRY: DurableObjectNamespace;
}

/** How long a call waits for the object's birth. */
const BIRTH_WAIT_MS = 1_000;
/** After an alarm that failed. */
const ALARM_RETRY_MS = 30_000;

type Readiness =
  | { readonly type: 'ready'; readonly replica: RunningReplica }
  | Extract<MemberRefusal, { type: 'not-ready' | 'unknown-protocol' }>;

export class ShardReplica extends DurableObject<ShardReplicaEnv> implements ShardReplicaRpc {
  readonly #store: SqliteStore;
  readonly #birthRecord: BirthRecord;
  readonly #birth: Birth;
  readonly #heard = new HeardHeader();
  readonly #work = new WorkCount();
  #replica: RunningReplica | null = null;

  constructor(ctx: DurableObjectState, env: ShardReplicaEnv) {
    super(ctx, env);
    const sql = countedSql(ctx.storage.sql, this.#work);
    createTables(sql);
    this.#store = new SqliteStore(sql);
    this.#birthRecord = new BirthRecord(ctx.storage.sql);
    this.#birth = new Birth(this.#birthRecord, this.#store, {
      now: () => Date.now(),
      directory: () => directoryOf(env.DIRECTORY),
      isNamed: (name) => env.SHARD_REPLICA.idFromName(name).equals(ctx.id),
      transaction: (body) => ctx.storage.transactionSync(body),
    });
  }

  async deliver(to: MemberAddress, sent: PackedMessage): Promise<CountedMessage | null> {
    const message = unpack(sent);
    const ready = this.#booted() ?? (await this.#bear(to));
    if (ready.type !== 'ready')
      throw new Error(`Cannot take a message: this member is not ready (${ready.type})`);
    const { body } = message;
    const answer = ready.replica.receive(body.type === 'chunk' ? await checked(message) : message);
    return answer && { ...this.#work.tellWith(answer), unpacks: true };
  }

  async submit(request: SubmitRequest): Promise<SubmitAnswer> {
    const ready = await this.#ready(request.to, request.header);
    return this.#answer(ready.type === 'ready' ? await submitAll(ready.replica, request.requests) : ready);
  }

  async lookup(request: LookupRequest): Promise<LookupAnswer> {
    const ready = await this.#ready(request.to, request.header);
    if (ready.type !== 'ready') return this.#answer(ready);
    return this.#answer(await lookUp(ready.replica, this.#store, request, Date.now()));
  }

  async kvRead(request: KvReadRequest): Promise<KvReadAnswer> {
    const ready = await this.#ready(request.to, request.header);
    return this.#answer(
      ready.type === 'ready' ? await readKv(ready.replica, this.#readChunk, request) : ready,
    );
  }

  async gathered(request: GatheredRequest): Promise<GatheredAnswer> {
    const ready = await this.#ready(request.to, request.header);
    if (ready.type !== 'ready') return this.#answer(ready);
    const outcomes = await runGathered(ready.replica, this.#readChunk, request.ops);
    return this.#answer({ type: 'gathered', outcomes });
  }

  async kvBatch(request: BatchRequest): Promise<BatchAnswer> {
    const ready = await this.#ready(request.to, request.header);
    return this.#answer(
      ready.type === 'ready' ? await runBatch(ready.replica, this.#readChunk, request) : ready,
    );
  }

  async kvPage(request: KvPageRequest): Promise<KvPageAnswer> {
    const ready = await this.#ready(request.to, request.header);
    return this.#answer(ready.type === 'ready' ? await pageKv(ready.replica, request) : ready);
  }

  async stage(to: MemberAddress, header: EdgeHeader, hash: string, bytes: Uint8Array): Promise<StageAnswer> {
    const ready = await this.#ready(to, header);
    if (ready.type !== 'ready') return ready;
    if (!(await hasHash(bytes, hash))) {
      throw new Error(`Cannot stage a chunk: its bytes do not have the hash ${hash}`);
    }
    const ask = await ready.replica.ask({ type: 'stage', hash, bytes });
    return ask.type === 'answered' && ask.answer.type === 'staged' ? ask.answer : refusalOf(ask);
  }

  async renew(to: MemberAddress, key: string, token: FillToken): Promise<void> {
    const ready = this.#booted() ?? (await this.#bear(to));
    if (ready.type === 'ready') await ready.replica.ask({ type: 'renew', key, token });
  }

  async release(to: MemberAddress, key: string, token: FillToken): Promise<void> {
    const ready = this.#booted() ?? (await this.#bear(to));
    if (ready.type === 'ready') await ready.replica.ask({ type: 'release', key, token });
  }

  async status(to: MemberAddress): Promise<MemberStatus> {
    const ready = this.#booted() ?? (await this.#bear(to));
    if (ready.type !== 'ready') return unbornStatus(to.member);
    const { groupId, view, role, state, op, commit, applied, entries, bytes, isMajorityLost } = replicaStatus(
      ready.replica.state,
    );
    const { member } = to;
    return { member, groupId, view, role, state, op, commit, applied, entries, bytes, isMajorityLost };
  }

  async forget({ name }: MemberAddress): Promise<void> {
    if (!this.env.SHARD_REPLICA.idFromName(name).equals(this.ctx.id)) {
      throw new Error(`Cannot forget as "${name}": that is another object's name`);
    }
    await this.ctx.storage.deleteAll();
    // After the answer; until then whatever the object in memory wants to write fails.
    setTimeout(() => this.ctx.abort('This storage was declared lost, and is empty'), 0);
  }

  override async alarm(): Promise<void> {
    try {
      const ready = this.#booted();
      if (ready?.type === 'ready') ready.replica.alarm();
    } catch (error) {
      console.error(`Cannot do what the alarm was set for: ${String(error)}`);
      await this.ctx.storage.setAlarm(Date.now() + ALARM_RETRY_MS);
    }
  }

  readonly #readChunk = (hash: string): Uint8Array | undefined => this.#store.chunk(hash);

  async #ready(to: MemberAddress, header: EdgeHeader): Promise<Readiness> {
    if (!PROTOCOLS_UNDERSTOOD.has(header.protocol)) return { type: 'unknown-protocol' };
    this.#heard.hear(header);
    const ready = this.#booted() ?? (await this.#bear(to));
    if (ready.type === 'ready' && typeof header.suspects === 'number') {
      ready.replica.suspect(header.suspects);
    }
    if (ready.type === 'ready' && header.staleness !== undefined) ready.replica.hearBound(header.staleness);
    return ready;
  }

  /** null: this object has no identity yet. */
  #booted(): Readiness | null {
    if (this.#replica === null) {
      const membership = this.#birthRecord.membership();
      const head = membership === null ? null : this.#store.head();
      if (membership === null || head === null) return null;
      const peers = new PeerCalls(
        this.env.SHARD_REPLICA,
        head.identity.shard,
        membership.members,
        this.#work,
      );
      this.#replica = new RunningReplica(this.#store, {
        now: () => Date.now(),
        nonce: crypto.randomUUID(),
        storage: this.ctx.storage,
        deliver: async (message) => checked(await peers.deliver(message)),
        tell: (type, subject, detail) =>
          this.ctx.waitUntil(
            recordEvents(this.env.TELEMETRY, [{ at: Date.now(), type, subject, detail: { ...detail } }]),
          ),
        lose: () => this.#lose(),
        fail: (error) => this.ctx.abort(`A replica must start anew: ${String(error)}`),
      });
    }
    return { type: 'ready', replica: this.#replica };
  }

  /** The first caller's address tells the object who it is to be. */
  async #bear(to: MemberAddress): Promise<Readiness> {
    const outcome = await within(BIRTH_WAIT_MS, this.#birth.attempt(to));
    const isFirst = this.#replica === null;
    const booted = outcome?.type === 'born' ? this.#booted() : null;
    if (isFirst && outcome?.type === 'born' && outcome.incarnation > 1) {
      this.#reportLoss(to, outcome.incarnation);
    }
    return booted ?? { type: 'not-ready', reason: 'unborn' };
  }

  #reportLoss({ shard, member, name }: MemberAddress, incarnation: number): void {
    const detail = { shard, member, incarnation };
    const event: NewEvent = { at: Date.now(), type: 'member-lost', subject: name, detail };
    this.ctx.waitUntil(recordEvents(this.env.TELEMETRY, [event]));
  }

  /** What is on the storage stays: a member that waits to be readmitted may begin with it. */
  #lose(): void {
    this.ctx.storage.transactionSync(() => this.#birthRecord.renew());
    this.ctx.abort('This storage is not the one that its member votes with: it must be readmitted');
  }

  #answer<A extends object>(
    answer: A,
  ): A & { header: EdgeHeader; work: MemberWork; groupId: string; view: number } {
    const state = this.#replica?.state;
    return {
      ...answer,
      header: this.#heard.current(),
      work: this.#work.take(),
      groupId: state?.identity.groupId ?? '',
      view: state?.view ?? 0,
    };
  }
}

/** The message, if the chunk that it brings is what its name says. */
async function checked<M extends Message | null>(message: M): Promise<M> {
  const body = message?.body;
  const brings = body?.type === 'chunk' || body?.type === 'fetchedChunk';
  if (brings && body.bytes !== null && !(await hasHash(body.bytes, body.hash))) {
    throw new Error(`Cannot take a chunk: its bytes do not have the hash ${body.hash}`);
  }
  return message;
}

function unbornStatus(member: number): MemberStatus {
  return {
    member,
    groupId: null,
    view: 0,
    role: 'backup',
    state: 'unborn',
    op: 0,
    commit: 0,
    applied: 0,
    entries: 0,
    bytes: 0,
  };
}
