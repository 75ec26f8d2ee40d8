// One shard as `GET shards` shows it, from what its members answered.
import { z } from '@hono/zod-openapi';
import type { MemberStatus } from '../../durable-objects/interfaces/shard-replica.ts';
import type { ShardStatus } from '../data-plane/shard-client.ts';

export const shardSchema = z
  .object({
    id: z.int(),
    groupId: z.string(),
    view: z.int().nullable(),
    primary: z.string().nullable().describe('Id of the member; null when it did not answer.'),
    op: z.int().nullable().describe("Last position of the primary's log."),
    commit: z.int().nullable(),
    members: z.array(
      z.object({
        id: z.string(),
        region: z.string(),
        role: z.enum(['primary', 'backup', 'unknown']),
        state: z
          .enum(['unborn', 'recovering', 'changing-view', 'normal', 'lost', 'unreachable'])
          .describe('`lost`: it lost its storage and has not been readmitted yet.'),
        lagOps: z.int().nullable().describe('Committed ops that it does not know as committed yet.'),
      }),
    ),
    refusesWrites: z
      .enum(['majority-lost'])
      .nullable()
      .describe(
        '`majority-lost`: so many members have lost their storage that the others are no majority; see `rebirth`.',
      ),
    entries: z.int().nullable(),
    bytes: z.int().nullable(),
  })
  .openapi('Shard');

/** What is not known because a member did not answer is null, never zero. */
export function describeShard({ shard, groupId, members }: ShardStatus): z.output<typeof shardSchema> {
  const answered = members.flatMap(({ name, status }) => (status ? [{ name, status }] : []));
  const newestFirst = [...answered].sort((a, b) => b.status.view - a.status.view);
  const primary = newestFirst.find(({ status }) => status.role === 'primary');
  const commits = answered.map(({ status }) => status.commit);
  const commit = commits.length > 0 ? Math.max(...commits) : null;
  return {
    id: shard,
    groupId,
    view: newestFirst[0]?.status.view ?? null,
    primary: primary?.name ?? null,
    op: primary?.status.op ?? null,
    commit,
    members: members.map(({ name, region, status }) => ({
      id: name,
      region,
      role: status?.role ?? 'unknown',
      state: status?.state ?? 'unreachable',
      lagOps: lagOf(status, commit),
    })),
    refusesWrites: isMajorityLost(members) ? 'majority-lost' : null,
    entries: primary?.status.entries ?? null,
    bytes: primary?.status.bytes ?? null,
  };
}

/** By what the members say of themselves: no more than a minority may have lost its storage at a time. */
export function isMajorityLost(members: ShardStatus['members']): boolean {
  const lost = members.filter(({ status }) => status?.state === 'lost').length;
  return 2 * (members.length - lost) <= members.length;
}

function lagOf(status: MemberStatus | null, commit: number | null): number | null {
  return status && commit !== null ? commit - status.commit : null;
}
