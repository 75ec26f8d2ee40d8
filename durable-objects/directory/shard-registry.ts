// Which shard owns which slot, who its members are, and which of them have been born. The hash ring proposes the
// owners once; from then on the stored map is the authority.
import type { ShardsConfig } from '../../core/config/schema.ts';
import { shardsSchema } from '../../core/config/schema.ts';
import { BOUND_MS } from '../../core/replication/limits.ts';
import { targetSlotMap } from '../../core/sharding/slot-map.ts';
import type { BirthAnswer, RebirthAnswer, ShardGroup, ShardMap } from '../interfaces/directory.ts';
import { hasColumn } from '../storage/has-column.ts';
import type { MetaStore } from './meta-store.ts';

interface BirthCall {
  readonly shard: number;
  readonly member: number;
  readonly nonce: string;
  readonly name: string | undefined;
  readonly isReadmittable: boolean;
}

/** On record where a storage was declared lost. */
const NO_NONCE = '';

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
      incarnation INTEGER NOT NULL DEFAULT 1, PRIMARY KEY (groupId, member)
    )`);
    if (!hasColumn(sql, 'births', 'incarnation')) {
      sql.exec('ALTER TABLE births ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 1');
    }
    sql.exec('CREATE TABLE IF NOT EXISTS formerBirths (nonce TEXT PRIMARY KEY)');
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
   * The same nonce gets the same answer; a new one means that the member's storage was lost, and is recorded in the
   * place of the last with the next incarnation. `name` is the object's own: one of an abandoned map is nobody.
   */
  registerBirth({ shard, member, nonce, name, isReadmittable }: BirthCall, nowMs: number): BirthAnswer {
    const map = this.map();
    const group = map.groups.find((candidate) => candidate.shard === shard);
    const found = group?.members[member];
    if (group === undefined || found === undefined || (name !== undefined && name !== found.name)) {
      return { type: 'unknown-member' };
    }
    const { groupId, members } = group;
    if (this.#sql.exec('SELECT 1 FROM formerBirths WHERE nonce = ?', nonce).toArray().length > 0) {
      return { type: 'superseded' };
    }
    const recorded = this.#birth(groupId, member);
    if (!isReadmittable && recorded !== undefined && recorded.nonce !== nonce) return { type: 'lost' };
    const incarnation = this.#incarnationOf(groupId, member, nonce, nowMs);
    const born = { type: 'born', groupId, incarnation, epoch: map.epoch, members } as const;
    return isReadmittable ? born : { ...born, boundMs: BOUND_MS };
  }

  #incarnationOf(groupId: string, member: number, nonce: string, nowMs: number): number {
    const recorded = this.#birth(groupId, member);
    if (recorded?.nonce === nonce) return recorded.incarnation;
    const incarnation = (recorded?.incarnation ?? 0) + 1;
    if (recorded !== undefined) {
      this.#sql.exec('INSERT INTO formerBirths VALUES (?) ON CONFLICT DO NOTHING', recorded.nonce);
    }
    this.#sql.exec(
      `INSERT INTO births (groupId, member, nonce, bornAt, incarnation) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (groupId, member) DO UPDATE SET nonce = excluded.nonce, bornAt = excluded.bornAt,
         incarnation = excluded.incarnation`,
      groupId,
      member,
      nonce,
      nowMs,
      incarnation,
    );
    return incarnation;
  }

  /** The nonce on record becomes nobody's; the next one that the member registers has the next incarnation. */
  declareLost(shard: number, member: number): boolean {
    const group = this.map().groups.find((candidate) => candidate.shard === shard);
    if (group?.members[member] === undefined) return false;
    const { groupId } = group;
    const recorded = this.#birth(groupId, member);
    if (recorded === undefined || recorded.nonce === NO_NONCE) return true;
    this.#sql.exec('INSERT INTO formerBirths VALUES (?) ON CONFLICT DO NOTHING', recorded.nonce);
    this.#sql.exec('UPDATE births SET nonce = ? WHERE groupId = ? AND member = ?', NO_NONCE, groupId, member);
    return true;
  }

  /** The map has another group with other members, in a new epoch: those of the old one are nobody. */
  rebirth(shard: number, groupId: string): RebirthAnswer {
    const map = this.map();
    const before = map.groups.find((group) => group.shard === shard);
    if (before === undefined) return { type: 'unknown-shard' };
    if (before.groupId !== groupId) return { type: 'other-group', groupId: before.groupId };
    const after = createGroup(shard, this.#settings);
    const groups = map.groups.map((group) => (group === before ? after : group));
    const { epoch } = this.#keep({ ...map, epoch: map.epoch + 1, groups });
    return { type: 'reborn', epoch, before, after };
  }

  #birth(groupId: string, member: number): { nonce: string; incarnation: number } | undefined {
    return this.#sql
      .exec<{ nonce: string; incarnation: number }>(
        'SELECT nonce, incarnation FROM births WHERE groupId = ? AND member = ?',
        groupId,
        member,
      )
      .toArray()[0];
  }
}

/** The group's random id is part of its members' names: groups that are made anew never meet old storage. */
function createShardMap(settings: ShardsConfig, epoch: number): ShardMap {
  const groups = Array.from({ length: settings.count }, (_, shard) => createGroup(shard, settings));
  return { epoch, slots: targetSlotMap(settings.count), groups };
}

function createGroup(shard: number, { regions }: ShardsConfig): ShardGroup {
  const groupId = randomId();
  const members = regions.map((region, member) => ({
    name: `shard-${shard}/member-${member}/${region}/${groupId}`,
    region,
  }));
  return { shard, groupId, members };
}

/** 64 random bits in hex. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
}
