// What a step asks of the world, in order: at most one `persist`, which comes first and is one transaction, then the
// rest. The runtime's output gate holds the sends and replies back until the transaction is durable (rules R0, R0b).
import type { ClientAnswer, Message, TimerName } from './messages.ts';
import type { Write } from './store.ts';

export type Effect =
  | { readonly type: 'persist'; readonly writes: readonly Write[] }
  | { readonly type: 'send'; readonly message: Message }
  | { readonly type: 'reply'; readonly id: number; readonly answer: ClientAnswer }
  /** Something that people should hear of. */
  | {
      readonly type: 'event';
      readonly name: 'state-differs' | 'member-readmitted' | 'member-rolled-back' | 'majority-lost';
      readonly subject: string;
      readonly detail: Readonly<Record<string, number>>;
    }
  /**
   * This storage is not, or no longer, the one that the member voted with: the object must take a new incarnation before
   * it begins anew. The last effect of its life, behind the write that says so: where it is not carried out, the next
   * life asks for the same and does nothing else.
   */
  | { readonly type: 'lost' }
  /** In memory, gone with the object; set again it replaces the earlier one; `afterMs: null` clears it. */
  | { readonly type: 'setTimer'; readonly name: TimerName; readonly afterMs: number | null }
  /** Durable: the one alarm of the object; null clears it. */
  | { readonly type: 'setAlarm'; readonly atMs: number | null };
