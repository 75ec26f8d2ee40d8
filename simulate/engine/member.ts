// One place in the group, whatever object holds it now; what a client hears of a try at it; and who looks on.
import type { Effect } from '../../core/replication/effects.ts';
import type { ClientAnswer, ReplicaEvent } from '../../core/replication/messages.ts';
import type { MemoryStore } from '../memory-store.ts';
import type { Alarm } from './alarm.ts';
import type { Disk } from './disk.ts';
import type { Instance } from './instance.ts';

export interface Member {
  readonly id: number;
  readonly disk: Disk;
  readonly alarm: Alarm;
  /** null: not in memory; the next event makes it. */
  instance: Instance | null;
  /** The one before, while it still runs, and who still reaches it instead of its successor. */
  zombie: Instance | null;
  zombieCallers: number;
  /** Nothing reaches it before this instant. */
  downUntil: number;
  /** Calls to it fail at once, unexecuted, before this instant. */
  overloadedUntil: number;
  life: number;
  /** Disks that it lost since it voted last: whatever they held counts as held until it votes again. */
  former: MemoryStore[];
  /** Its disk was set back without a word, and its incarnation is still the one that it was. */
  isSetBack: boolean;
  /** One of its objects has been told so, and all that this wrote is durable. */
  isTold: boolean;
  /** Objects of the others that it has to hear from before anything else reaches it, by member. */
  readonly unheard: Map<number, Instance>;
}

/** What a client's try at a member came to; null in place of an answer: the call failed. */
export type Try =
  /** `view`: the member's own, as it comes with every answer. */
  | { readonly type: 'answered'; readonly answer: ClientAnswer; readonly view: number }
  | { readonly type: 'threw'; readonly overloaded: boolean };

/** Looks on, and throws where something is wrong. */
export interface Observer {
  /** After a step, once its writes are in (durable, or held for the gate). */
  step(member: Member, instance: Instance, event: ReplicaEvent, effects: readonly Effect[]): void;
  /** Another disk is in the place of the member's. */
  replaced(member: Member): void;
  /** Something left an object: it can no longer be held back. */
  escaped(member: Member, instance: Instance, effect: Effect): void;
}
