// The shards and their members as they answer right now.
import { z } from '@hono/zod-openapi';
import { describeShard, shardSchema } from './describe-shard.ts';
import { json, type Operation, operation } from './operation.ts';
import { reach, shardMapOf } from './reach.ts';

const STATUS_TIMEOUT_MS = 10_000;

export const SHARDS_CALL: Operation = operation({
  method: 'GET',
  path: '/v1/shards',
  allowed: ['read'],
  summary: 'The shards, their members, and how far each is.',
  answers: { 200: { description: 'All shards.', schema: z.object({ shards: z.array(shardSchema) }) } },
  async handle(call) {
    const map = await shardMapOf(call);
    const statuses = await reach('shard-unavailable', 'ask the shards', STATUS_TIMEOUT_MS, () =>
      call.edge.shards.status(map),
    );
    return json({ shards: statuses.map(describeShard) });
  },
});
