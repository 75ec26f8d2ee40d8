// One request on its way through the data plane: what every step may look at, and what the counters will say of it.
import type { Route } from '../../core/config/schema.ts';
import type { Fields } from '../../core/http/fields.ts';
import type { Target } from '../../core/http/target.ts';
import type { AttemptRecord } from '../../core/load-balancing/attempt-journal.ts';
import type { Bookmark } from '../../core/replication/bookmark.ts';
import type { Edge, EdgeSnapshot } from '../edge.ts';
import type { ClientAffinity } from './client-affinity.ts';
import type { DecisionRecord } from './decision-record.ts';

export interface Visit {
  readonly request: Request;
  readonly edge: Edge;
  readonly context: ExecutionContext;
  readonly snapshot: EdgeSnapshot;
  readonly target: Target;
  readonly route: Route;
  /** As the client sent them. */
  readonly received: Fields;
  /** As origins get them: the cache compares these, not what a client claimed. */
  readonly fields: Fields;
  /** Of the client's request: a WebSocket handshake. */
  readonly isUpgrade: boolean;
  /** '' when not known. */
  readonly clientIp: string;
  readonly tally: Tally;
  /** Found when the pool is chosen; null before, and where there is none. */
  affinity: ClientAffinity | null;
  /** On a route of `session` consistency, once a shard has answered: what the client's session has seen now. */
  session: Bookmark | null;
  /** Every attempt, in the order of their ends; null while there was none, or one whose answer was simply good. */
  attempts: AttemptRecord[] | null;
}

/** Filled in by the steps; counted once, when the response is decided. */
export interface Tally {
  route: string;
  pool: string;
  backend: string;
  /** A word of Cache-Status: "hit", "uri-miss", "bypass" …; "none" where the route has no cache. */
  cache: string;
  /** null for requests that are not explained. */
  record: DecisionRecord | null;
}
