// Which messages count toward a quorum.
import type { MessageBody } from '../../core/replication/messages.ts';

const VOTES: ReadonlySet<MessageBody['type']> = new Set([
  'prepareOk',
  // The question carries the asker's own vote.
  'confirm',
  'confirmOk',
  'joinView',
]);

export function isVote(body: MessageBody): boolean {
  return VOTES.has(body.type);
}
