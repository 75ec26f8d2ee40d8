// An edge as the clients' way to the group: it remembers where the primary is, follows corrections, and tries again with
// the same request id, by the very policy that the product's edges have (core/sharding/group-call).
import type { ClientAnswer, ClientRequest } from '../../core/replication/messages.ts';
import {
  afterFailure,
  beginCall,
  betterHint,
  type FailedTry,
  type GroupCall,
  type PrimaryHint,
} from '../../core/sharding/group-call.ts';
import type { Cluster } from '../engine/cluster.ts';

export type EdgeOutcome =
  | { readonly type: 'answered'; readonly answer: ClientAnswer }
  | { readonly type: 'failed'; readonly maybeDone: boolean };

const FIRST_PRIMARY: PrimaryHint = { view: 0, primary: 0 };
/** How long a caller waits for an answer, and for one member's. */
export interface Patience {
  readonly deadlineMs: number;
  readonly tryMs: number;
}

export class Edge {
  readonly id: number;
  private readonly cluster: Cluster;
  private hint = FIRST_PRIMARY;

  constructor(id: number, cluster: Cluster) {
    this.id = id;
    this.cluster = cluster;
  }

  /** It goes by what it knew at the beginning. */
  forget(): void {
    this.hint = FIRST_PRIMARY;
  }

  /** Asks the primary until it answers or the deadline has passed. */
  call(request: ClientRequest, { deadlineMs, tryMs }: Patience, done: (outcome: EdgeOutcome) => void): void {
    this.tryOnce(request, beginCall(this.hint), this.cluster.scheduler.now + deadlineMs, tryMs, done);
  }

  private tryOnce(
    request: ClientRequest,
    call: GroupCall,
    deadlineAt: number,
    tryMs: number,
    done: (outcome: EdgeOutcome) => void,
  ): void {
    const { scheduler } = this.cluster;
    let isOpen = true;
    const settle = (failure: FailedTry | null, answer: ClientAnswer | null): void => {
      if (!isOpen) return;
      isOpen = false;
      timer.run = null;
      if (answer !== null) {
        done({ type: 'answered', answer });
        return;
      }
      if (failure === null) return;
      if (failure.type === 'not-primary' || failure.type === 'deposed')
        this.hint = betterHint(this.hint, failure);
      const move = afterFailure(call, failure, deadlineAt - scheduler.now, this.cluster.members.length);
      if (move.type === 'give-up') done({ type: 'failed', maybeDone: move.maybeDone });
      else if (move.afterMs === 0) this.tryOnce(request, move.call, deadlineAt, tryMs, done);
      else scheduler.after(move.afterMs, () => this.tryOnce(request, move.call, deadlineAt, tryMs, done));
    };
    const limitMs = Math.min(tryMs, deadlineAt - scheduler.now);
    const timer = scheduler.after(limitMs, () => settle({ type: 'timed-out' }, null));
    // Whoever is asked instead of a silent primary is told so, and looks after it.
    const { suspects, target } = call;
    if (suspects !== null) this.cluster.ask(this.id, target, [{ type: 'suspect', view: suspects }], () => {});
    this.cluster.ask(this.id, target, [request], (outcome) => {
      if (outcome.type === 'threw') settle({ ...outcome, message: 'the call failed' }, null);
      else if (isFailure(outcome.answer)) settle(outcome.answer, null);
      else {
        // Only the primary answers.
        this.hint = betterHint(this.hint, { view: outcome.view, primary: target });
        settle(null, outcome.answer);
      }
    });
  }
}

function isFailure(answer: ClientAnswer): answer is Extract<ClientAnswer, FailedTry> {
  switch (answer.type) {
    case 'not-primary':
    case 'deposed':
    case 'not-ready':
    case 'overloaded':
    case 'too-large':
      return true;
    default:
      return false;
  }
}
