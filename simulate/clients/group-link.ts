// A caller's way to one group: it remembers where the primary is, follows corrections, and tries again with the same
// request ids, by the very policy that the product's edges and objects have (core/sharding/group-call).

import type { BoundNews } from '../../core/replication/bound.ts';
import type { ClientAnswer, ClientRequest } from '../../core/replication/messages.ts';
import { primaryOf } from '../../core/replication/quorum.ts';
import { isRefusal } from '../../core/replication/refused-answer.ts';
import {
  afterFailure,
  asksRelay,
  beginCall,
  betterHint,
  type FailedTry,
  type GroupCall,
  mayHaveRun,
  type PrimaryHint,
} from '../../core/sharding/group-call.ts';
import { Relays } from '../../core/sharding/relays.ts';
import type { Cluster } from '../engine/cluster.ts';
import type { Try } from '../engine/member.ts';

export type LinkOutcome =
  /** One for each request, in order. */
  | { readonly type: 'answered'; readonly answers: readonly ClientAnswer[] }
  | { readonly type: 'failed'; readonly maybeDone: boolean };

/** How a caller wants to be served. */
export interface CallOptions {
  /** How long it waits in all, and for one member. */
  readonly deadlineMs: number;
  readonly tryMs: number;
  /** A backup may answer as well. */
  readonly anyMember: boolean;
}

interface OpenCall {
  readonly requests: readonly ClientRequest[];
  readonly options: CallOptions;
  /** True time. */
  readonly deadlineAt: number;
  done(outcome: LinkOutcome): void;
}

const FIRST_PRIMARY: PrimaryHint = { view: 0, primary: 0 };

export class GroupLink {
  /** The caller's place in the group's network, counted from the first edge. */
  private readonly place: number;
  private readonly cluster: Cluster;
  private readonly news: () => BoundNews | null;
  private hint = FIRST_PRIMARY;
  private readonly relays = new Relays();

  /** `news`: of the configured staleness bound, said with every call; null: none. */
  constructor(place: number, cluster: Cluster, news: () => BoundNews | null = () => null) {
    this.place = place;
    this.cluster = cluster;
    this.news = news;
  }

  /** It goes by what it knew at the beginning. */
  forget(): void {
    this.hint = FIRST_PRIMARY;
    this.relays.forget(this.cluster.groupId);
  }

  /** Asks the primary, or first whichever member is near, until one answers all or the deadline has passed. */
  call(requests: readonly ClientRequest[], options: CallOptions, done: (outcome: LinkOutcome) => void): void {
    const { chance, members, scheduler } = this.cluster;
    const via = this.relays.via(this.cluster.groupId, scheduler.now);
    const call = beginCall(this.hint, via);
    const target = options.anyMember && via === null ? chance.below(members.length) : call.target;
    const deadlineAt = scheduler.now + options.deadlineMs;
    this.tryOnce({ requests, options, deadlineAt, done }, { ...call, target });
  }

  private tryOnce(open: OpenCall, call: GroupCall): void {
    const { scheduler, members, groupId } = this.cluster;
    const { requests, options, deadlineAt, done } = open;
    const { suspects, target } = call;
    let isOpen = true;
    const fail = (failure: FailedTry): void => {
      if (failure.type === 'not-primary' || failure.type === 'deposed') {
        this.hint = betterHint(this.hint, failure);
      }
      if (asksRelay(call)) this.relays.forget(groupId);
      const move = afterFailure(call, failure, deadlineAt - scheduler.now, members.length);
      if (move.type === 'give-up') done({ type: 'failed', maybeDone: move.maybeDone });
      else if (move.afterMs === 0) this.tryOnce(open, move.call);
      else scheduler.after(move.afterMs, () => this.tryOnce(open, move.call));
    };
    const settle = (end: () => void): void => {
      if (!isOpen) return;
      isOpen = false;
      timer.run = null;
      end();
    };
    const timer = scheduler.after(Math.min(options.tryMs, deadlineAt - scheduler.now), () =>
      settle(() => fail({ type: 'timed-out' })),
    );
    // Whoever is asked instead of a silent primary is told so, and looks after it.
    if (suspects !== null)
      this.cluster.ask(this.place, target, [{ type: 'suspect', view: suspects }], () => {});
    const answers: ClientAnswer[] = [];
    let left = requests.length;
    const hear = (outcome: Try, index: number): void => {
      if (index >= requests.length) return;
      if (outcome.type === 'threw') {
        // What is handed on goes on its way one by one, and may get there in part.
        const isPartlyDone = requests.length > 1 && asksRelay(call);
        settle(() => fail({ ...outcome, message: 'the call failed', isPartlyDone }));
        return;
      }
      answers[index] = outcome.answer;
      left -= 1;
      if (left > 0) return;
      settle(() => {
        const refused = answers.find(isRefusal);
        if (refused !== undefined) {
          // Refused as a whole: what was done of it is remembered by request id.
          const isPartlyDone = answers.some((answer) => !isRefusal(answer) || mayHaveRun(answer));
          fail(isPartlyDone ? { ...refused, isPartlyDone } : refused);
          return;
        }
        // Nobody but a primary answers what is not for any member, be it by way of another.
        const primary = primaryOf(outcome.view, members.length);
        if (!options.anyMember) this.hint = betterHint(this.hint, { view: outcome.view, primary });
        if (asksRelay(call)) this.relays.served(groupId, target, scheduler.now);
        else if (target === call.hint.primary) this.relays.forget(groupId);
        done({ type: 'answered', answers });
      });
    };
    const news = this.news();
    const all = news === null ? requests : [...requests, { type: 'bound' as const, ...news }];
    this.cluster.ask(this.place, target, all, hear, asksRelay(call));
  }
}
