// An edge as the clients' way to the group: it remembers where the primary is, follows corrections, and tries again with
// the same request id, by the very policy that the product's edges have (core/sharding/group-call).
import { Flights } from '../../core/cache/flights.ts';
import type { ClientAnswer, ClientRequest } from '../../core/replication/messages.ts';
import {
  afterFailure,
  asksRelay,
  beginCall,
  betterHint,
  type FailedTry,
  type GroupCall,
  type PrimaryHint,
  primaryIn,
} from '../../core/sharding/group-call.ts';
import { Relays } from '../../core/sharding/relays.ts';
import type { Cluster } from '../engine/cluster.ts';
import { START_AT } from '../engine/instance.ts';
import type { Try } from '../engine/member.ts';
import type { ConfiguredBound } from './configured-bound.ts';
import { IsolateCache } from './isolate-cache.ts';

export type EdgeOutcome =
  /** `sentAt`: of the try that was answered, by the edge's clock. */
  | { readonly type: 'answered'; readonly answer: ClientAnswer; readonly sentAt: number }
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
  readonly request: ClientRequest;
  readonly options: CallOptions;
  /** True time. */
  readonly deadlineAt: number;
  done(outcome: EdgeOutcome): void;
}

/** Two clients of an edge that wait are many, in a run with six. */
const CROWD = 2;
const UNCHANGED: Pick<ConfiguredBound, 'knownAt'> = { knownAt: () => null };

/** There is one. */
const GROUP = 'g1';
const FIRST_PRIMARY: PrimaryHint = { view: 0, primary: 0 };

export class Edge {
  readonly id: number;
  readonly copies = new IsolateCache();
  /** Fetches that its requests wait for. */
  readonly flights = new Flights(CROWD);
  private readonly cluster: Cluster;
  private readonly bound: Pick<ConfiguredBound, 'knownAt'>;
  private hint = FIRST_PRIMARY;
  private readonly relays = new Relays();
  private readonly rate: number;

  constructor(id: number, cluster: Cluster, bound: Pick<ConfiguredBound, 'knownAt'> = UNCHANGED) {
    this.id = id;
    this.bound = bound;
    this.cluster = cluster;
    this.rate = 1 + cluster.chance.between(-1, 1) * cluster.faults.clockDrift;
  }

  /** What its clock shows, which goes as wrong as any other. */
  get now(): number {
    return (this.cluster.scheduler.now - START_AT) * this.rate + START_AT;
  }

  /** It goes by what it knew at the beginning. */
  forget(): void {
    this.hint = FIRST_PRIMARY;
    this.relays.forget(GROUP);
  }

  /** Asks the primary, or first whichever member is near, until one answers or the deadline has passed. */
  call(request: ClientRequest, options: CallOptions, done: (outcome: EdgeOutcome) => void): void {
    const { chance, members, scheduler } = this.cluster;
    const via = this.relays.via(GROUP, this.now);
    const call = beginCall(this.hint, via);
    const target = options.anyMember && via === null ? chance.below(members.length) : call.target;
    this.tryOnce(
      { request, options, deadlineAt: scheduler.now + options.deadlineMs, done },
      { ...call, target },
    );
  }

  private tryOnce(open: OpenCall, call: GroupCall): void {
    const { scheduler, members } = this.cluster;
    const { request, options, deadlineAt, done } = open;
    const { suspects, target } = call;
    const sentAt = this.now;
    let isOpen = true;
    const fail = (failure: FailedTry): void => {
      if (failure.type === 'not-primary' || failure.type === 'deposed') {
        this.hint = betterHint(this.hint, failure);
      }
      if (asksRelay(call)) this.relays.forget(GROUP);
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
    if (suspects !== null) this.cluster.ask(this.id, target, [{ type: 'suspect', view: suspects }], () => {});
    const news = this.bound.knownAt(this.id);
    const requests = news === null ? [request] : [request, { type: 'bound' as const, ...news }];
    const hear = (outcome: Try, index: number): void => {
      if (index > 0) return;
      settle(() => {
        if (outcome.type === 'threw') {
          fail({ ...outcome, message: 'the call failed' });
          return;
        }
        const { answer, view } = outcome;
        if (isFailure(answer)) {
          fail(answer);
          return;
        }
        // Nobody but a primary answers what is not for any member, be it by way of another.
        const primary = primaryIn(view, members.length);
        if (!options.anyMember) this.hint = betterHint(this.hint, { view, primary });
        if (asksRelay(call)) this.relays.served(GROUP, target, this.now);
        else if (target === call.hint.primary) this.relays.forget(GROUP);
        done({ type: 'answered', answer, sentAt });
      });
    };
    this.cluster.ask(this.id, target, requests, hear, asksRelay(call));
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
