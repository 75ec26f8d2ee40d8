// Operations of concurrent requests that go to one member travel in one call. Whoever comes first leads: a turn of the
// event loop later its request makes the call, with all that have come meanwhile, and goes on with it when its client
// has left. The others wait for their own outcome, with a timer of their own: nobody's wait depends on another request
// living on. Nobody who is alone waits for anybody: a turn is about a millisecond.
import { headerBlockBytes } from '../../core/http/request-limits.ts';
import type { CommonOp, CommonOutcome } from './gathered-call.ts';
import { within } from './within.ts';

export interface GatherParts {
  now(): number;
  /** The promise keeps the current request's work alive beyond its response. */
  waitUntil(work: Promise<unknown>): void;
  /** Resolves in a later turn of the event loop: what has arrived by then has been taken in. */
  nextTurn(): Promise<void>;
}

/** One call with all of them, made by the leader; as many outcomes, in order. */
export type GatheredCall<O> = (ops: readonly CommonOp[]) => Promise<readonly O[]>;

export interface Gatherer<O> {
  /**
   * The outcome, or null after `limitMs`. Rejects as the call does. Only operations of the same `place` share one, and
   * whoever names the same place must pass a call that does the same.
   */
  ask(place: string, op: CommonOp, call: GatheredCall<O>, limitMs: number): Promise<O | null>;
}

interface Own<O> {
  readonly op: CommonOp;
  heard: { readonly outcome: O } | { readonly error: unknown } | null;
  wake(): void;
}

interface Gathering<O> {
  readonly all: Own<O>[];
  bytes: number;
  readonly openedAt: number;
}

/** Whether others are about, at a place. */
interface Company {
  /** The latest call that has not come back began then. */
  readonly calledAt: number;
  /** The latest call that carried several. */
  readonly sharedAt: number;
}

export const GATHERED_OPS_MAX = 128;
/** Bytes of bodies, or of request fields, in one call. */
export const GATHERED_BYTES_MAX = 1024 * 1024;
/** A leader that has not called by then never will: its isolate has been stopped and went on without it. */
const OPEN_MAX_MS = 100;
/** A call is taken to be under way for so long, and others to come while some have come within that time. */
const COMPANY_MS = 50;
/** Places that are remembered; more than there are. */
const PLACES_MAX = 4_096;
/** Whoever waits looks for itself so often: that it is woken is a courtesy of another request. */
const LOOK_EVERY_MS = 50;

export function createGatherer<O = CommonOutcome>({ now, waitUntil, nextTurn }: GatherParts): Gatherer<O> {
  const open = new Map<string, Gathering<O>>();
  const company = new Map<string, Company>();

  const hasCompany = (place: string): boolean => {
    const since = now() - COMPANY_MS;
    const { calledAt = -Infinity, sharedAt = -Infinity } = company.get(place) ?? {};
    return calledAt > since || sharedAt > since;
  };

  const lead = async (place: string, gathering: Gathering<O>, call: GatheredCall<O>): Promise<void> => {
    if (hasCompany(place)) {
      open.set(place, gathering);
      await nextTurn();
      if (open.get(place) === gathering) open.delete(place);
    }
    const { all } = gathering;
    const calledAt = now();
    const sharedAt = all.length > 1 ? calledAt : (company.get(place)?.sharedAt ?? -Infinity);
    if (company.size >= PLACES_MAX) company.clear();
    company.set(place, { calledAt, sharedAt });
    try {
      const outcomes = await call(all.map(({ op }) => op));
      all.forEach((own, i) => {
        const outcome = outcomes[i];
        own.heard =
          outcome === undefined ? { error: new Error('A member answered too few operations') } : { outcome };
      });
    } catch (error) {
      for (const own of all) own.heard = { error };
    }
    const latest = company.get(place);
    if (latest?.calledAt === calledAt) company.set(place, { ...latest, calledAt: -Infinity });
    for (const own of all) own.wake();
  };

  return {
    async ask(place, op, call, limitMs) {
      let wake = () => {};
      const woken = new Promise<true>((resolve) => {
        wake = () => resolve(true);
      });
      const own: Own<O> = { op, heard: null, wake };
      const bytes = bytesOf(op);
      const found = open.get(place);
      if (found !== undefined && hasRoom(found, bytes) && now() - found.openedAt < OPEN_MAX_MS) {
        found.all.push(own);
        found.bytes += bytes;
      } else {
        waitUntil(lead(place, { all: [own], bytes, openedAt: now() }, call));
      }
      for (let leftMs = limitMs; own.heard === null && leftMs > 0; leftMs -= LOOK_EVERY_MS) {
        // Through Promise.race: what follows an `await` of `woken` itself has been seen, under load, to run as part of the
        // request that wakes (docs/adr/0048).
        await within(woken, Math.min(leftMs, LOOK_EVERY_MS));
      }
      const { heard } = own;
      if (heard === null) return null;
      if ('error' in heard) throw heard.error;
      return heard.outcome;
    },
  };
}

function hasRoom({ all, bytes }: Gathering<unknown>, more: number): boolean {
  return all.length < GATHERED_OPS_MAX && bytes + more <= GATHERED_BYTES_MAX;
}

function bytesOf(op: CommonOp): number {
  if (op.type === 'read') return 0;
  if (op.type === 'lookup') return headerBlockBytes(op.query.fields);
  const { command } = op;
  const body = command.type === 'put' || command.type === 'fill' ? command.value.body : null;
  return body?.type === 'inline' ? body.bytes.byteLength : 0;
}
