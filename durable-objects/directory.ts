// What every edge has to agree on and no request waits for: configuration versions, health verdicts, the shard map
// and the births of its members. One object, one synchronous transaction per change, so of two administrators who
// saw the same version exactly one wins.
import { DurableObject } from 'cloudflare:workers';
import { unsignedAffinities } from '../core/config/affinity-schema.ts';
import { diffConfigs } from '../core/config/diff.ts';
import { applyEdit } from '../core/config/edit.ts';
import { jsonEquals } from '../core/config/json.ts';
import { parseConfig } from '../core/config/parse-config.ts';
import { previewConfig } from '../core/config/preview.ts';
import type { Config, ConfigDocument } from '../core/config/schema.ts';
import { configSchema } from '../core/config/schema.ts';
import { previewPool } from '../core/load-balancing/preview-shares.ts';
import type { BoundNews } from '../core/replication/bound.ts';
import { BOUND_MS } from '../core/replication/limits.ts';
import { MetaStore } from './directory/meta-store.ts';
import { MonitorOutbox } from './directory/monitor-outbox.ts';
import { ProofBook } from './directory/proof-book.ts';
import { ShardRegistry } from './directory/shard-registry.ts';
import { eventOfVerdict } from './directory/verdict-event.ts';
import { VerdictStore } from './directory/verdict-store.ts';
import { VersionStore } from './directory/version-store.ts';
import type {
  BirthAnswer,
  ChangeAnswer,
  ChangeRequest,
  ConfigVersion,
  ConfigVersionSummary,
  DirectoryRpc,
  HealthVerdict,
  RebirthAnswer,
  ShardMap,
  SnapshotAnswer,
  SnapshotQuestion,
} from './interfaces/directory.ts';
import type { NewEvent } from './interfaces/telemetry.ts';
import { healthMonitorOf, recordEvents } from './other-objects.ts';

interface DirectoryEnv {
  readonly HEALTH_MONITOR: DurableObjectNamespace;
  readonly TELEMETRY: DurableObjectNamespace;
  /** Of the edges, which have the same environment. */
  readonly ROUNDEL_AFFINITY_SECRET?: string;
}

/** A stored document, as JSON text. It has to fit a row (2 MB). */
export const DOCUMENT_BYTES_MAX = 1_048_576;

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 60_000;

export class Directory extends DurableObject<DirectoryEnv> implements DirectoryRpc {
  readonly #meta: MetaStore;
  readonly #versions: VersionStore;
  readonly #shards: ShardRegistry;
  readonly #verdicts: VerdictStore;
  readonly #outbox: MonitorOutbox;
  readonly #proofs = new ProofBook();
  /** The current version with its defaults, kept because every edge asks for it every second. */
  #effective: { readonly version: number; readonly config: Config } | null = null;
  #retryMs = RETRY_MS_MIN;

  constructor(ctx: DurableObjectState, env: DirectoryEnv) {
    super(ctx, env);
    const { sql } = ctx.storage;
    this.#meta = new MetaStore(sql);
    this.#versions = new VersionStore(sql, Date.now());
    this.#shards = new ShardRegistry(sql, this.#meta);
    this.#verdicts = new VerdictStore(sql, this.#meta);
    this.#outbox = new MonitorOutbox(sql, (pool, vantage) =>
      healthMonitorOf(env.HEALTH_MONITOR, pool, vantage),
    );
    if (!this.#outbox.isEmpty()) ctx.waitUntil(ctx.storage.setAlarm(Date.now()));
  }

  async snapshot(question: SnapshotQuestion): Promise<SnapshotAnswer> {
    const { version, config } = this.#current();
    if (question.proofs) this.#proofs.take(version, question.version, question.proofs, Date.now());
    const healthEpoch = this.#verdicts.epoch();
    const shardMap = this.#shards.map();
    return {
      version,
      healthEpoch,
      boundSince: this.#bound().since,
      config: question.version === version ? null : config,
      health: question.healthEpoch === healthEpoch ? null : this.#verdicts.all(),
      shardMap: question.mapEpoch === shardMap.epoch ? null : shardMap,
    };
  }

  async change(request: ChangeRequest): Promise<ChangeAnswer> {
    return this.#change(request, null);
  }

  async adoptFile(document: unknown, digest: string): Promise<ChangeAnswer> {
    if (this.#meta.read('fileDigest') === digest) {
      return { type: 'unchanged', version: summaryOf(this.#versions.current()) };
    }
    const edit = { type: 'replace', document } as const;
    return this.#change({ edit, by: 'file', ifMatch: null, dryRun: false }, digest);
  }

  async current(): Promise<ConfigVersion> {
    return this.#versions.current();
  }

  async version(version: number): Promise<ConfigVersion | null> {
    return this.#versions.find(version);
  }

  async versions(): Promise<ConfigVersionSummary[]> {
    return this.#versions.list();
  }

  async registerBirth(
    shard: number,
    member: number,
    nonce: string,
    name?: string,
    isReadmittable = false,
  ): Promise<BirthAnswer> {
    const birth = { shard, member, nonce, name, isReadmittable };
    return this.#transaction(() => this.#shards.registerBirth(birth, Date.now()));
  }

  async declareLost(shard: number, member: number, by: string): Promise<boolean> {
    const isKnown = this.#transaction(() => this.#shards.declareLost(shard, member));
    if (isKnown) this.#recordRepair('member-declared-lost', `shard-${shard}`, { shard, member, by });
    return isKnown;
  }

  async rebirth(shard: number, groupId: string, by: string): Promise<RebirthAnswer> {
    const answer = this.#transaction(() => this.#shards.rebirth(shard, groupId));
    if (answer.type === 'reborn') {
      const { before, after, epoch } = answer;
      const detail = { shard, before: before.groupId, after: after.groupId, epoch, by };
      this.#recordRepair('shard-reborn', `shard-${shard}`, detail);
    }
    return answer;
  }

  #recordRepair(type: string, subject: string, detail: NewEvent['detail']): void {
    this.#record([{ at: Date.now(), type, subject, detail }]);
  }

  async shardMap(): Promise<ShardMap> {
    return this.#shards.map();
  }

  async reportVerdicts(
    pool: string,
    vantage: string,
    verdicts: Record<string, HealthVerdict>,
  ): Promise<void> {
    const { config } = this.#current();
    const definition = Object.hasOwn(config.pools, pool) ? config.pools[pool] : undefined;
    if (definition === undefined) return;
    const changes = this.#transaction(() =>
      this.#verdicts.take(pool, definition, vantage, verdicts, Date.now()),
    );
    this.#record(changes.flatMap((change) => eventOfVerdict(pool, change, Date.now()) ?? []));
  }

  async proofsOf(pool: string): Promise<(readonly [string, number])[]> {
    return this.#proofs.of(this.#current().version, pool, Date.now());
  }

  /** Deliveries that failed, or that a restart interrupted. */
  override async alarm(): Promise<void> {
    await this.#deliver();
  }

  /** One change, whole or not at all: no await from reading the current version to writing the next. */
  #change(request: ChangeRequest, fileDigest: string | null): ChangeAnswer {
    const current = this.#versions.current();
    const edited = applyEdit(
      current.config,
      request.edit,
      (version) => this.#versions.find(version)?.config ?? null,
    );
    if (edited.type === 'not-found') return edited;
    if (request.ifMatch !== null && !request.ifMatch.includes(current.version)) {
      return { type: 'version-conflict', current: current.version };
    }
    if (edited.type === 'invalid') return edited;
    const parsed = parseConfig(edited.document);
    if (!parsed.ok) return { type: 'invalid', errors: parsed.errors };
    const unsigned = this.env.ROUNDEL_AFFINITY_SECRET ? [] : unsignedAffinities(parsed.config);
    if (unsigned.length > 0) return { type: 'invalid', errors: unsigned };
    const refusal = tooLarge(parsed.document) ?? this.#shardsRefusal(parsed, fileDigest !== null);
    if (refusal !== null) return refusal;

    const before = this.#currentOrEmpty();
    const after = parsed.config;
    if (request.dryRun) {
      return {
        type: 'dry-run',
        diff: diffConfigs(current.config, parsed.document),
        preview: previewConfig(before, after, previewPool),
      };
    }
    const unchanged = jsonEquals(current.config, parsed.document);
    this.#transaction(() => {
      if (fileDigest !== null) this.#meta.write('fileDigest', fileDigest);
      if (unchanged) return;
      const { version } = this.#versions.append(parsed.document, request.by, Date.now());
      if (this.#changesShards(parsed)) this.#shards.recreateWith(after.shards);
      const { boundMs } = after.staleness;
      if (boundMs !== this.#bound().boundMs) this.#meta.write('staleness', { boundMs, since: version });
      this.#verdicts.keepOnly(after, Date.now());
      this.#outbox.add(before, after, version);
    });
    const version = summaryOf(this.#versions.current());
    if (unchanged) return { type: 'unchanged', version };
    this.#keepEffective(version.version, after);
    this.#deliverSoon();
    this.#record([
      {
        at: version.createdAt,
        type: 'config-changed',
        subject: `v${version.version}`,
        detail: { version: version.version, by: version.createdBy, edit: request.edit.type },
      },
    ]);
    return { type: 'changed', version };
  }

  /**
   * `shards` is fixed once somebody knows the map, since data lies where the map says. A configuration file given at
   * the start may still choose while no member lives. A document that does not mention `shards` keeps what is.
   */
  #shardsRefusal(
    parsed: { readonly config: Config; readonly document: ConfigDocument },
    isFile: boolean,
  ): ChangeAnswer | null {
    if (!this.#changesShards(parsed)) return null;
    const mayChoose = isFile ? !this.#shards.hasBirths() : !this.#shards.isKnown();
    if (mayChoose) return null;
    const message = `is fixed when the state is created: ${JSON.stringify(this.#shards.settings())}`;
    return { type: 'invalid', errors: [{ path: 'shards', message }] };
  }

  #changesShards(parsed: { readonly config: Config; readonly document: ConfigDocument }): boolean {
    return parsed.document.shards !== undefined && !jsonEquals(parsed.config.shards, this.#shards.settings());
  }

  #current(): { readonly version: number; readonly config: Config } {
    const { version, config: document } = this.#versions.current();
    if (this.#effective?.version === version) return this.#effective;
    const parsed = parseConfig(document);
    if (!parsed.ok) {
      const first = parsed.errors[0];
      throw new Error(
        `Cannot use configuration version ${version}: ${first?.path} ${first?.message}; put or roll back to another`,
      );
    }
    return this.#keepEffective(version, parsed.config);
  }

  /** What a change starts from; nothing, where a version of another release cannot be used: it must be replaceable. */
  #currentOrEmpty(): Config {
    const { version, config: document } = this.#versions.current();
    const isUsable = this.#effective?.version === version || parseConfig(document).ok;
    return isUsable ? this.#current().config : configSchema.parse({});
  }

  /** The staleness bound, and the version since which it is so: by that the shards tell what is newer. */
  #bound(): BoundNews {
    return (this.#meta.read('staleness') as BoundNews | undefined) ?? { boundMs: BOUND_MS, since: 0 };
  }

  #keepEffective(version: number, config: Config): { readonly version: number; readonly config: Config } {
    this.#effective = { version, config: { ...config, shards: this.#shards.settings() } };
    return this.#effective;
  }

  /** If it throws, what was kept in memory may say more than the storage: the object starts anew. */
  #transaction<T>(body: () => T): T {
    try {
      return this.ctx.storage.transactionSync(body);
    } catch (error) {
      this.ctx.abort(`Cannot write to the directory's storage: ${String(error)}`);
      throw error;
    }
  }

  /** The alarm stands behind the delivery: it repeats what a failure or a restart leaves undone. */
  #deliverSoon(): void {
    this.ctx.waitUntil(this.ctx.storage.setAlarm(Date.now() + this.#retryMs));
    this.ctx.waitUntil(this.#deliver());
  }

  async #deliver(): Promise<void> {
    const allTold = await this.#outbox.deliver(() => this.#current());
    if (allTold) {
      this.#retryMs = RETRY_MS_MIN;
      await this.ctx.storage.deleteAlarm();
    } else {
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
      await this.ctx.storage.setAlarm(Date.now() + this.#retryMs);
    }
  }

  #record(events: readonly NewEvent[]): void {
    this.ctx.waitUntil(recordEvents(this.env.TELEMETRY, events));
  }
}

function summaryOf({ version, createdAt, createdBy }: ConfigVersion): ConfigVersionSummary {
  return { version, createdAt, createdBy };
}

function tooLarge(document: ConfigDocument): ChangeAnswer | null {
  const bytes = new TextEncoder().encode(JSON.stringify(document)).byteLength;
  if (bytes <= DOCUMENT_BYTES_MAX) return null;
  const message = `must have at most ${DOCUMENT_BYTES_MAX} bytes as JSON, not ${bytes}`;
  return { type: 'invalid', errors: [{ path: '', message }] };
}
