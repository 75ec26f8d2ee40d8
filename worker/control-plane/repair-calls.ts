// What an operator can do about storages that were lost, or must not be used: calls that the Directory records first.
import { z } from '@hono/zod-openapi';
import type { ShardGroup } from '../../durable-objects/interfaces/directory.ts';
import type { ShardStatus } from '../data-plane/shard-client.ts';
import { isMajorityLost } from './describe-shard.ts';
import { type Call, json, type Operation, operation } from './operation.ts';
import { Problem } from './problem.ts';
import { askDirectory, reach } from './reach.ts';

const STATUS_TIMEOUT_MS = 10_000;
const FORGET_TIMEOUT_MS = 15_000;

const force = z.boolean().default(false).describe('Do it though the state of the members speaks against it.');

const declareSchema = z.strictObject({ force }).openapi('DeclareLost');

const declaredSchema = z
  .object({ shard: z.int(), member: z.int(), emptied: z.boolean() })
  .openapi('DeclaredLost');

const rebirthSchema = z
  .strictObject({
    losesData: z.literal(true).describe('Acknowledges that whatever the shard still holds is gone.'),
    force,
  })
  .openapi('Rebirth');

const rebornSchema = z
  .object({
    shard: z.int(),
    before: z.string().describe('Id of the group that is no more.'),
    groupId: z.string(),
    epoch: z.int().describe('Of the shard map.'),
    unreached: z
      .array(z.string())
      .describe('Former members that could not be told: their storage is left over, and used by nobody.'),
  })
  .openapi('Reborn');

export const REPAIR_CALLS: readonly Operation[] = [
  operation({
    method: 'POST',
    path: '/v1/shards/{shard}/members/{member}/lost',
    allowed: [],
    summary:
      'Declares the storage of one member lost: it is emptied, and the member readmitted by the others.',
    body: { type: 'json', schema: declareSchema },
    answers: {
      200: { description: 'Recorded, and the storage is empty.', schema: declaredSchema },
      404: { description: 'There is no such shard or member.' },
      409: { description: 'The others are no majority that is well; `force` does it all the same.' },
      503: { description: 'Recorded, but the member did not answer: send it again.' },
    },
    async handle(call) {
      const group = await groupOf(call);
      const member = numberIn(call.path.member);
      if (group.members[member] === undefined)
        throw unknown(`member ${call.path.member} in shard ${group.shard}`);
      const { members } = await statusOf(call, group);
      const others = members.filter(
        (one, index) => index !== member && one.status?.state === 'normal',
      ).length;
      if (!call.body.force && 2 * others <= members.length) {
        throw new Problem(
          'majority-at-risk',
          `Only ${others} of the other members are well, and a majority of ${members.length} must be`,
        );
      }
      await askDirectory(call, 'declare a storage lost', (directory) =>
        directory.declareLost(group.shard, member, call.role ?? 'admin'),
      );
      await reach('shard-unavailable', `tell member ${member}`, FORGET_TIMEOUT_MS, () =>
        call.edge.shards.forget(group, member),
      );
      return json({ shard: group.shard, member, emptied: true });
    },
  }),
  operation({
    method: 'POST',
    path: '/v1/shards/{shard}/rebirth',
    allowed: [],
    summary: 'Gives a shard that has lost a majority a new, empty group; what the old one held is gone.',
    body: { type: 'json', schema: rebirthSchema },
    answers: {
      200: { description: 'The shard is empty and takes writes.', schema: rebornSchema },
      404: { description: 'There is no such shard.' },
      409: { description: 'It has not lost a majority; `force` does it all the same.' },
    },
    async handle(call) {
      const before = await groupOf(call);
      const { members } = await statusOf(call, before);
      if (!call.body.force && !isMajorityLost(members)) {
        const states = members.map(({ status }) => status?.state ?? 'unreachable').join(', ');
        throw new Problem('not-beyond-repair', `The members of shard ${before.shard} are: ${states}`);
      }
      const answer = await askDirectory(call, 'record a rebirth', (directory) =>
        directory.rebirth(before.shard, before.groupId, call.role ?? 'admin'),
      );
      if (answer.type !== 'reborn') throw new Problem('not-beyond-repair', 'It was reborn just now');
      const { after, epoch } = answer;
      const unreached = await forgetAll(call, before);
      return json({
        shard: before.shard,
        before: before.groupId,
        groupId: after.groupId,
        epoch,
        unreached,
      });
    },
  }),
];

type AnyCall = Call<unknown, unknown>;

/** By the Directory's own map: this edge's may be a second old. */
async function groupOf(call: AnyCall): Promise<ShardGroup> {
  const map = await askDirectory(call, 'read the shard map', (directory) => directory.shardMap());
  const group = map.groups.find(({ shard }) => shard === numberIn(call.path.shard));
  if (group === undefined) throw unknown(`shard ${call.path.shard}`);
  return group;
}

function unknown(what: string): Problem {
  return new Problem('not-found', `There is no ${what}`);
}

/** NaN, which nothing has as its number, where it is none. */
function numberIn(text: string | undefined): number {
  return /^\d{1,6}$/.test(text ?? '') ? Number(text) : Number.NaN;
}

async function statusOf(call: AnyCall, group: ShardGroup): Promise<ShardStatus> {
  const statuses = await reach('shard-unavailable', 'ask the shard', STATUS_TIMEOUT_MS, () =>
    call.edge.shards.status({ epoch: 0, slots: [], groups: [group] }),
  );
  const [status] = statuses;
  if (status === undefined) throw unknown(`shard ${group.shard}`);
  return status;
}

/** Names of those that were not reached. */
async function forgetAll(call: AnyCall, group: ShardGroup): Promise<string[]> {
  const told = await Promise.allSettled(
    group.members.map((_, index) => call.edge.shards.forget(group, index)),
  );
  return group.members.flatMap(({ name }, index) => (told[index]?.status === 'rejected' ? [name] : []));
}
