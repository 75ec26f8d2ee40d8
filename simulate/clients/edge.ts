// An edge as the clients' way to the groups, with what it remembers: copies, flights that its requests wait for, and the
// purges that it had made.
import { Flights } from '../../core/cache/flights.ts';
import type { ClientAnswer, ClientRequest } from '../../core/replication/messages.ts';
import { createPurgesSeen } from '../../core/replication/purges-seen.ts';
import { START_AT } from '../engine/instance.ts';
import type { World } from '../engine/world.ts';
import type { ConfiguredBound } from './configured-bound.ts';
import { type CallOptions, GroupLink, type LinkOutcome } from './group-link.ts';
import { IsolateCache } from './isolate-cache.ts';

export type EdgeOutcome =
  | { readonly type: 'answered'; readonly answer: ClientAnswer }
  | Extract<LinkOutcome, { type: 'failed' }>;

/** Two clients of an edge that wait are many, in a run with six. */
const CROWD = 2;
const UNCHANGED: Pick<ConfiguredBound, 'knownAt'> = { knownAt: () => null };

export class Edge {
  readonly id: number;
  readonly copies = new IsolateCache();
  /** Fetches that its requests wait for. */
  readonly flights = new Flights(CROWD);
  readonly purges = createPurgesSeen();
  readonly world: World;
  private readonly links: readonly GroupLink[];
  private readonly rate: number;

  constructor(id: number, world: World, bound: Pick<ConfiguredBound, 'knownAt'> = UNCHANGED) {
    this.id = id;
    this.world = world;
    this.rate = 1 + world.chance.between(-1, 1) * world.faults.clockDrift;
    this.links = world.clusters.map((cluster) => new GroupLink(id, cluster, () => bound.knownAt(id)));
  }

  /** What its clock shows, which goes as wrong as any other. */
  get now(): number {
    return (this.world.scheduler.now - START_AT) * this.rate + START_AT;
  }

  /** It goes by what it knew of the group at the beginning. */
  forget(shard: number): void {
    this.links[shard]?.forget();
  }

  /** Asks the group that the request is for. */
  call(request: ClientRequest, options: CallOptions, done: (outcome: EdgeOutcome) => void): void {
    this.callAll(this.world.shardAsked(request), [request], options, (outcome) => {
      if (outcome.type === 'failed') done(outcome);
      else done({ type: 'answered', answer: outcome.answers[0] as ClientAnswer });
    });
  }

  /** Several requests to one group in one call: all are answered, or the call has failed. */
  callAll(
    shard: number,
    requests: readonly ClientRequest[],
    options: CallOptions,
    done: (outcome: LinkOutcome) => void,
  ): void {
    const link = this.links[shard];
    if (link === undefined) throw new Error(`There is no shard ${shard}`);
    link.call(requests, options, done);
  }
}
