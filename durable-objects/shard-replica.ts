// One member of a shard's group: the replication core in a Durable Object. It owns the order of things (birth before
// identity, boot before anything else, one event at a time) and turns calls into events; what the protocol does about
// them is core/replication's, what the cache makes of stored responses is core/cache's.
import { DurableObject } from 'cloudflare:workers';
import type { FillToken } from '../core/replication/commands.ts';
import { type ClientRequest, type Message, PROTOCOLS_UNDERSTOOD } from '../core/replication/messages.ts';
import { relayTarget } from '../core/replication/relay.ts';
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
  LookupsAnswer,
  LookupsRequest,
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
import { cancelBody, lookUp, lookUpEach } from './shard-replica/lookup.ts';
import { unpack } from './shard-replica/packed-message.ts';
import { PeerCalls } from './shard-replica/peer-calls.ts';
import { refusalOf } from './shard-replica/refusal.ts';
import { type CallMember, isForPrimary, relay } from './shard-replica/relay.ts';
import { submitAll } from './shard-replica/submit.ts';
import { unbornStatus } from './shard-replica/unborn-status.ts';
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
const LOST_OUTCOME: MemberRefusal = { type: 'timed-out' };
/** After an alarm that failed. */
const ALARM_RETRY_MS = 30_000;

type Readiness =
  | { readonly type: 'ready'; readonly replica: RunningReplica }
  | Extract<MemberRefusal, { type: 'not-ready' | 'unknown-protocol' }>;

/** An answer with what goes along with every one. */
type Told<A> = A & { header: EdgeHeader; work: MemberWork; groupId: string; view: number };

export class ShardReplica extends DurableObject<ShardReplicaEnv> implements ShardReplicaRpc {
  readonly #store: SqliteStore;
  readonly #birthRecord: BirthRecord;
  readonly #birth: Birth;
  readonly #heard = new HeardHeader();
  readonly #work = new WorkCount();
  #replica: RunningReplica | null = null;
  #peers: PeerCalls | null = null;

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
    const { requests } = request;
    const ready = await this.#ready(request.to, request.header);
    if (ready.type !== 'ready') return this.#answer(ready);
    const own = await submitAll(ready.replica, requests);
    return this.#orRelayed(ready.replica, own, request.header, (primary, to, header) =>
      primary.submit({ to, header, requests }),
    );
  }

  async lookup(request: LookupRequest): Promise<LookupAnswer> {
    const ready = await this.#ready(request.to, request.header);
    if (ready.type !== 'ready') return this.#answer(ready);
    const own = await lookUp(ready.replica, this.#store, request, Date.now());
    return this.#orRelayed(
      ready.replica,
      own,
      request.header,
      (primary, to, header) => primary.lookup({ ...request, to, header }),
      cancelBody,
    );
  }

  async lookups({ to, header, queries }: LookupsRequest): Promise<LookupsAnswer> {
    const ready = await this.#ready(to, header);
    if (ready.type !== 'ready') return this.#answer(ready);
    const own = await lookUpEach(ready.replica, this.#store, queries, Date.now());
    const outcomes = await this.#eachOrRelayed(ready.replica, own, header, async (primary, handed, which) => {
      const refused = queries.filter((_, i) => which.has(i));
      const answer = await primary.lookups({ ...handed, queries: refused });
      return answer.type === 'looked-up' ? answer.outcomes : refused.map(() => answer);
    });
    return this.#answer({ type: 'looked-up', outcomes });
  }

  async kvRead(request: KvReadRequest): Promise<KvReadAnswer> {
    const ready = await this.#ready(request.to, request.header);
    if (ready.type !== 'ready') return this.#answer(ready);
    const own = await readKv(ready.replica, this.#readChunk, request);
    return this.#orRelayed(ready.replica, own, request.header, (primary, to, header) =>
      primary.kvRead({ ...request, to, header }),
    );
  }

  async gathered(request: GatheredRequest): Promise<GatheredAnswer> {
    const ready = await this.#ready(request.to, request.header);
    if (ready.type !== 'ready') return this.#answer(ready);
    const { header, ops } = request;
    const own = await runGathered(ready.replica, this.#readChunk, ops);
    const outcomes = await this.#eachOrRelayed(ready.replica, own, header, async (primary, handed, which) => {
      const refused = ops.filter((_, i) => which.has(i));
      const answer = await primary.gathered({ ...handed, ops: refused });
      return answer.type === 'gathered' ? answer.outcomes : refused.map(() => answer);
    });
    return this.#answer({ type: 'gathered', outcomes });
  }

  async kvBatch(request: BatchRequest): Promise<BatchAnswer> {
    const ready = await this.#ready(request.to, request.header);
    if (ready.type !== 'ready') return this.#answer(ready);
    const own = await runBatch(ready.replica, this.#readChunk, request);
    return this.#orRelayed(ready.replica, own, request.header, (primary, to, header) =>
      primary.kvBatch({ ...request, to, header }),
    );
  }

  async kvPage(request: KvPageRequest): Promise<KvPageAnswer> {
    const ready = await this.#ready(request.to, request.header);
    if (ready.type !== 'ready') return this.#answer(ready);
    const own = await pageKv(ready.replica, request);
    return this.#orRelayed(ready.replica, own, request.header, (primary, to, header) =>
      primary.kvPage({ ...request, to, header }),
    );
  }

  async stage(to: MemberAddress, header: EdgeHeader, hash: string, bytes: Uint8Array): Promise<StageAnswer> {
    const ready = await this.#ready(to, header);
    if (ready.type !== 'ready') return ready;
    if (!(await hasHash(bytes, hash))) {
      throw new Error(`Cannot stage a chunk: its bytes do not have the hash ${hash}`);
    }
    const ask = await ready.replica.ask({ type: 'stage', hash, bytes });
    if (ask.type === 'answered' && ask.answer.type === 'staged') return ask.answer;
    const own = refusalOf(ask);
    const primary = header.relay && isForPrimary(own) ? relayTarget(ready.replica.state, Date.now()) : null;
    if (primary === null) return own;
    const relayed = withoutRelay(header);
    return relay(this.#callMember, primary, (member, address) => member.stage(address, relayed, hash, bytes));
  }

  async renew(to: MemberAddress, key: string, token: FillToken, isRelayed = false): Promise<void> {
    await this.#tellOfLease(to, { type: 'renew', key, token }, isRelayed);
  }

  async release(to: MemberAddress, key: string, token: FillToken, isRelayed = false): Promise<void> {
    await this.#tellOfLease(to, { type: 'release', key, token }, isRelayed);
  }

  /** Handed on to the primary where this member is not it. */
  async #tellOfLease(
    to: MemberAddress,
    request: Extract<ClientRequest, { type: 'renew' | 'release' }>,
    isRelayed: boolean,
  ): Promise<void> {
    const ready = this.#booted() ?? (await this.#bear(to));
    if (ready.type !== 'ready') return;
    const ask = await ready.replica.ask(request);
    const isElsewhere = ask.type === 'answered' && isForPrimary(ask.answer);
    const primary = isElsewhere && !isRelayed ? relayTarget(ready.replica.state, Date.now()) : null;
    if (primary === null) return;
    const { type, key, token } = request;
    await relay(this.#callMember, primary, async (member, address) => ({
      done: await member[type](address, key, token, true),
    }));
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
    // An abort loses what is not durable yet.
    await this.ctx.storage.sync();
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

  readonly #callMember: CallMember = (member, call) => {
    if (this.#peers === null) return Promise.reject(new Error('Cannot call a member before the birth'));
    return this.#peers.call(member, call);
  };

  /** What this member says itself, or, of what is for a primary that the caller cannot reach, what that one says. */
  async #orRelayed<Own extends { readonly type: string }, A extends object>(
    replica: RunningReplica,
    own: Own,
    header: EdgeHeader,
    call: (primary: ShardReplicaRpc, to: MemberAddress, header: EdgeHeader) => Promise<A>,
    discard?: (late: A) => void,
  ): Promise<A | Told<Own> | Told<MemberRefusal>> {
    const primary = header.relay && isForPrimary(own) ? relayTarget(replica.state, Date.now()) : null;
    if (primary === null) return this.#answer(own);
    const handed = withoutRelay(header);
    const answer = await relay(this.#callMember, primary, (member, to) => call(member, to, handed), discard);
    return isOfThisMember(answer) ? this.#answer(answer) : answer;
  }

  /** Of several, those that are for the primary go there together; `call` has it answer `which` of them, in order. */
  async #eachOrRelayed<O extends { readonly type: string }>(
    { state }: RunningReplica,
    own: readonly O[],
    header: EdgeHeader,
    call: (
      primary: ShardReplicaRpc,
      handed: { readonly to: MemberAddress; readonly header: EdgeHeader },
      which: ReadonlySet<number>,
    ) => Promise<readonly (O | MemberRefusal)[]>,
  ): Promise<readonly (O | MemberRefusal)[]> {
    const which = new Set(own.flatMap((outcome, i) => (isForPrimary(outcome) ? [i] : [])));
    const primary = header.relay && which.size > 0 ? relayTarget(state, Date.now()) : null;
    if (primary === null) return own;
    const handed = withoutRelay(header);
    const answer = await relay(this.#callMember, primary, (member, to) =>
      call(member, { to, header: handed }, which),
    );
    const relayed = 'type' in answer ? [] : [...answer];
    const lost = 'type' in answer ? answer : LOST_OUTCOME;
    return own.map((outcome, i) => (which.has(i) ? (relayed.shift() ?? lost) : outcome));
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
      const members = this.#birthRecord.members();
      const head = members === null ? null : this.#store.head();
      if (members === null || head === null) return null;
      const peers = new PeerCalls(this.env.SHARD_REPLICA, head.identity.shard, members, this.#work);
      this.#peers = peers;
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

  /**
   * What is on the storage stays: a member that waits to be readmitted may begin with it. An abort loses what is not
   * durable yet, and the replica says nothing any more meanwhile.
   */
  #lose(): void {
    this.ctx.storage.transactionSync(() => this.#birthRecord.renew());
    const abort = (): void =>
      this.ctx.abort('This storage is not the one that its member votes with: it must be readmitted');
    this.ctx.storage.sync().then(abort, abort);
  }

  #answer<A extends object>(answer: A): Told<A> {
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

/** What the primary says comes with what goes along. */
function isOfThisMember<A extends object>(answer: A | MemberRefusal): answer is MemberRefusal {
  return !('header' in answer);
}

function withoutRelay({ relay: _, suspects: __, ...header }: EdgeHeader): EdgeHeader {
  return header;
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
