// One request on its way through the data plane: what every step may look at, and what the counters will say of it.
import type { Route } from '../../core/config/schema.ts';
import type { Fields } from '../../core/http/fields.ts';
import { ownFieldsToOrigin } from '../../core/http/forward-fields.ts';
import type { Target } from '../../core/http/target.ts';
import type { AttemptRecord } from '../../core/load-balancing/attempt-journal.ts';
import type { Bookmark } from '../../core/replication/bookmark.ts';
import type { Edge, EdgeSnapshot } from '../edge.ts';
import { clientAddress } from './client-address.ts';
import { type ClientAffinity, withoutAffinityCookies } from './client-affinity.ts';
import type { DecisionRecord } from './decision-record.ts';
import { isWebSocketHandshake, outboundFields } from './outbound-fields.ts';

/** What is known when it begins. */
export interface VisitParts {
  readonly request: Request;
  readonly edge: Edge;
  readonly context: ExecutionContext;
  readonly snapshot: EdgeSnapshot;
  readonly target: Target;
  readonly route: Route;
  /** Epoch ms: when the request came. */
  readonly startedAt: number;
  /** As the client sent them. */
  readonly received: Fields;
  readonly tally: Tally;
  /** Of the request. */
  readonly method: string;
}

/** Not to be copied by spreading: what is made when first asked for would be missing. */
export class Visit {
  readonly request: Request;
  readonly edge: Edge;
  readonly context: ExecutionContext;
  readonly snapshot: EdgeSnapshot;
  readonly target: Target;
  readonly route: Route;
  readonly startedAt: number;
  readonly received: Fields;
  readonly tally: Tally;
  readonly method: string;
  /** Of the client's request: a WebSocket handshake. */
  readonly isUpgrade: boolean;
  /** Found when the pool is chosen; null before, and where there is none. */
  affinity: ClientAffinity | null = null;
  /** On a route of `session` consistency, once a shard has answered: what the client's session has seen now. */
  session: Bookmark | null = null;
  /** Every attempt, in the order of their ends; null while there was none, or one whose answer was simply good. */
  attempts: AttemptRecord[] | null = null;
  #ownFields: Fields;
  #fields: Fields | null = null;
  #clientIp: string | null = null;

  constructor(parts: VisitParts) {
    const { snapshot, route, received } = parts;
    this.request = parts.request;
    this.edge = parts.edge;
    this.context = parts.context;
    this.snapshot = snapshot;
    this.target = parts.target;
    this.route = route;
    this.startedAt = parts.startedAt;
    this.received = received;
    this.tally = parts.tally;
    this.method = parts.method;
    this.#ownFields = withoutAffinityCookies(snapshot.config, ownFieldsToOrigin(received, route.request));
    this.isUpgrade = isWebSocketHandshake(received);
  }

  /** As origins get them: the cache compares these, not what a client claimed. Dear, and made when first asked for. */
  get fields(): Fields {
    if (this.#fields === null) {
      const outbound = outboundFields(this.route, this.target, this.received, this.clientIp);
      if (outbound.type === 'loop') throw new Error('Cannot forward what has passed this edge before');
      this.#fields = withoutAffinityCookies(this.snapshot.config, outbound.fields);
    }
    return this.#fields;
  }

  /** Those of `fields` that do not depend on who the client is (core/http/forward-fields). */
  get ownFields(): Fields {
    return this.#ownFields;
  }

  /** '' when not known. Dear, and found when first asked for. */
  get clientIp(): string {
    this.#clientIp ??= clientAddress(this.request, this.received);
    return this.#clientIp;
  }

  /** A visit for the cache's own sake: nobody's conditions and no affinity, and its explanation is not this one's. */
  forCache(): Visit {
    const aside = new Visit({ ...this, tally: { ...this.tally, record: null } });
    aside.#ownFields = withoutConditions(this.#ownFields);
    aside.#fields = withoutConditions(this.fields);
    return aside;
  }
}

/** Of a fetch for the cache's own sake: the client's conditions are about the client's copy. */
export function withoutConditions(fields: Fields): Fields {
  return fields.filter(([name]) => name !== 'if-none-match' && name !== 'if-modified-since');
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
