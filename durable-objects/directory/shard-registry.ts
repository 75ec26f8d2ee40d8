// Which shard owns which slot, who its members are, and which of them have been born. The hash ring proposes the
// owners once; from then on the stored map is the authority.
import type { ShardsConfig } from '../../core/config/schema.ts';
import { shardsSchema } from '../../core/config/schema.ts';
import { BOUND_MS } from '../../core/replication/limits.ts';
import { targetSlotMap } from '../../core/sharding/slot-map.ts';
import type { BirthAnswer, ShardGroup, ShardMap } from '../interfaces/directory.ts';
import type { MetaStore } from './meta-store.ts';

export class ShardRegistry {
  readonly #sql: SqlStorage;
  readonly #meta: MetaStore;
  #settings: ShardsConfig;
  #map: ShardMap | null;

  constructor(sql: SqlStorage, meta: MetaStore) {
    this.#sql = sql;
    this.#meta = meta;
    this.#settings = (meta.read('shards') as ShardsConfig | undefined) ?? shardsSchema.parse({});
    this.#map = (meta.read('shardMap') as ShardMap | undefined) ?? null;
    sql.exec(`CREATE TABLE IF NOT EXISTS births (
      groupId TEXT NOT NULL, member INTEGER NOT NULL, nonce TEXT NOT NULL, bornAt INTEGER NOT NULL,
      PRIMARY KEY (groupId, member)
    )`);
  }

  /** What the state was created with, or will be. */
  settings(): ShardsConfig {
    return this.#settings;
  }

  /** Whether somebody has been told the map. */
  isKnown(): boolean {
    return this.#map !== null;
  }

  /** Whether a member lives: from then on the groups are what they are. */
  hasBirths(): boolean {
    return this.#sql.exec('SELECT 1 FROM births LIMIT 1').toArray().length > 0;
  }

  /** Only while no member lives. A map that somebody knows already is made anew, with a new epoch and new groups. */
  recreateWith(settings: ShardsConfig): void {
    if (this.hasBirths()) throw new Error('Cannot change the shards: members of them live already');
    this.#settings = settings;
    this.#meta.write('shards', settings);
    if (this.#map !== null) this.#keep(createShardMap(settings, this.#map.epoch + 1));
  }

  /** Made at the first question. */
  map(): ShardMap {
    if (this.#map !== null) return this.#map;
    this.#meta.write('shards', this.#settings);
    return this.#keep(createShardMap(this.#settings, 1));
  }

  #keep(map: ShardMap): ShardMap {
    this.#meta.write('shardMap', map);
    this.#map = map;
    return map;
  }

  /**
   * The first nonce of a member is kept; the same one gets the same answer, another one means that the member's
   * storage was lost. `name` is the object's own: one of an abandoned map is nobody.
   */
  registerBirth(
    shard: number,
    member: number,
    nonce: string,
    name: string | undefined,
    nowMs: number,
  ): BirthAnswer {
    const map = this.map();
    const group = map.groups.find((candidate) => candidate.shard === shard);
    const found = group?.members[member];
    if (group === undefined || found === undefined || (name !== undefined && name !== found.name)) {
      return { type: 'unknown-member' };
    }
    this.#sql.exec(
      'INSERT INTO births VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      group.groupId,
      member,
      nonce,
      nowMs,
    );
    const recorded = this.#sql
      .exec<{ nonce: string }>(
        'SELECT nonce FROM births WHERE groupId = ? AND member = ?',
        group.groupId,
        member,
      )
      .one();
    if (recorded.nonce !== nonce) return { type: 'lost' };
    return {
      type: 'born',
      groupId: group.groupId,
      incarnation: 1,
      epoch: map.epoch,
      members: group.members,
      boundMs: BOUND_MS,
    };
  }
}

/** The group's random id is part of its members' names: groups that are made anew never meet old storage. */
function createShardMap(settings: ShardsConfig, epoch: number): ShardMap {
  const groups = Array.from({ length: settings.count }, (_, shard): ShardGroup => {
    const groupId = randomId();
    return {
      shard,
      groupId,
      members: settings.regions.map((region, member) => ({
        name: `shard-${shard}/member-${member}/${region}/${groupId}`,
        region,
      })),
    };
  });
  return { epoch, slots: targetSlotMap(settings.count), groups };
}

/** 64 random bits in hex. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
