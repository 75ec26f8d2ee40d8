// A fetch as those see it who wait for it at its own edge: held there from its lease on, and from its head on there to
// be joined before anybody has stored it (core/cache/flights), by whoever may.
import { Holding, type SharedAnswer } from '../../core/cache/holding.ts';
import { SharedBody } from '../../core/cache/shared-body.ts';
import type { StoredResponse } from '../../core/cache/stored-response.ts';
import type { FillToken } from '../../core/replication/commands.ts';
import { fetchIdOf } from '../../core/replication/fetch-id.ts';
import type { Edge } from './edge.ts';

const BODY_BYTES = 100;

export class HeldFetch {
  private readonly edge: Edge;
  private readonly holding: Holding;
  private readonly body: SharedBody;

  constructor(edge: Edge, key: string, token: FillToken) {
    this.edge = edge;
    this.holding = new Holding(fetchIdOf(token), edge.now);
    this.body = new SharedBody(BODY_BYTES, BODY_BYTES, edge.now);
    edge.flights.hold(key, this.holding, edge.now);
  }

  goesOn(): void {
    this.holding.goesOn(this.edge.now);
    this.body.fetchGoesOn(this.edge.now);
  }

  /** The origin has said what it shows; the body follows. */
  share(text: string): void {
    this.body.fetchGoesOn(this.edge.now);
    this.holding.share({ stored: storedOf(text, this.edge.now), body: this.body }, this.edge.now);
  }

  /** It was stored or not: whoever comes now asks for that. */
  end(): void {
    this.holding.end();
  }
}

/** What the origin said, in a response that was shared. */
export function textOf({ stored }: SharedAnswer): string {
  return stored.fields[0]?.[1] ?? '';
}

function storedOf(text: string, nowMs: number): StoredResponse {
  return {
    status: 200,
    fields: [['etag', text]],
    part: null,
    vary: [],
    keyParts: [],
    requestedAt: nowMs,
    receivedAt: nowMs,
    dateAt: nowMs,
    bornAt: nowMs,
    freshUntilAt: nowMs,
    alwaysValidate: false,
    neverStale: false,
    servesAuthorized: false,
    staleWhileRevalidateSeconds: null,
    staleIfErrorSeconds: null,
  };
}
