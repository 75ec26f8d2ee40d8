// What clients of the profile `invalidation` do: visitors look up URLs and, with a lease, fetch from an origin that may
// be slow or fail, and fill; publishers change the origin and purge, hard or soft. Each response names the origin's
// version of its URL, so that an old one is known for what it is.
import { WaitForFlight, type WaitLimits } from '../../core/cache/wait-for-flight.ts';
import type { FillToken, Value } from '../../core/replication/commands.ts';
import { fetchIdOf } from '../../core/replication/fetch-id.ts';
import type { ReadLevel } from '../../core/replication/messages.ts';
import type { Chance } from '../engine/chance.ts';
import { HeldFetch } from './held-fetch.ts';
import { drawSelection, pickKey, selects, tagsOf, URLS } from './keys.ts';
import type { Origin } from './origin.ts';
import type { Session } from './session.ts';
import type { Operate, Workload } from './workload.ts';

const HOT_URLS = 1;
const LEVELS: readonly ReadLevel[] = ['linearizable', 'bounded', 'bounded', 'session'];
const BYTES = new Uint8Array(100);
/** More of them than a key may have in runs with small limits. */
const VARIANTS = ['', '', '', 'de', 'fr'];

/** Shorter than the product's, and seldomer: a run has two hundred operations. */
const WAIT: WaitLimits = { waitMs: 4_000, pauseMinMs: 2, pauseMaxMs: 250 };
/** Of a lease's life, as in the product: 1.5 s of 4. */
const RENEWED_AFTER = 0.375;
/** Leases that are shorter overlap. */
const RENEWED_MIN_MS = 200;

/** What was acknowledged at a tick is promised from then on. */
type Announce = (at: number, isStrict: boolean) => void;

/** It promises nothing to other readers of its edge. */
const NO_EDGE = -1;

/** A fetch with the lease for it. */
interface Flight {
  readonly session: Session;
  readonly workload: Workload;
  readonly key: string;
  readonly token: FillToken;
  /** null: its edge does not know of it. */
  readonly held: HeldFetch | null;
}

export function invalidationOperations(chance: Chance, origin: Origin): Operate {
  const visit = (session: Session, workload: Workload, done: () => void): void => {
    const key = pickKey(chance, URLS, HOT_URLS);
    const level = chance.pick(LEVELS);
    const lease = chance.hits(0.3) ? 'always' : 'when-absent';
    const isPatient = chance.hits(0.6);
    // Who goes to the origin in any case does not look at copies.
    const copies = lease !== 'always' && chance.hits(0.7);
    if (copies && session.recall(key, level)) {
      done();
      return;
    }
    const { edge } = session;
    const since = session.come();
    const wait = new WaitForFlight(edge.flights, key, edge.now, WAIT, isPatient && chance.hits(0.7));
    const look = (): void => {
      const askedAt = edge.now;
      const shared = isPatient ? wait.answer(askedAt) : null;
      if (shared !== null) {
        wait.joins();
        session.join({ key, level, since }, shared);
        done();
        return;
      }
      if (!wait.asks(askedAt, !isPatient)) {
        lookLater();
        return;
      }
      // Who is to join a fetch before it is stored must know what a majority knows now.
      const question = isPatient ? wait.question(askedAt) : null;
      const asked = question === null ? level : 'linearizable';
      session.read(key, { level: asked, lease, copies }, (answer) => {
        if (question !== null && answer === null) {
          wait.isLeftUnanswered();
          lookLater();
          return;
        }
        const granted = answer?.lease ?? null;
        if (answer !== null && granted?.type === 'taken') {
          // Who does not wait goes to the origin itself, and stores nothing of what comes.
          if (!wait.goesOn(askedAt, true)) {
            done();
            return;
          }
          const { groupId } = granted.token;
          const { bookmark } = answer;
          if (question !== null && wait.confirms(question, fetchIdOf(granted.token), { groupId, bookmark })) {
            look();
          } else lookLater();
          return;
        }
        wait.ends(granted !== null);
        if (granted !== null) {
          // The fetch goes on beside its client. Sometimes nobody at its edge knows of it: it is made aside.
          const { token } = granted;
          const held = chance.hits(0.8) ? new HeldFetch(edge, key, token) : null;
          workload.beside(chance.next() * 30, (ended) =>
            fetch({ session, workload, key, token, held }, ended),
          );
        }
        done();
      });
    };
    const lookLater = (): void =>
      workload.later(wait.pauseMs(), () => {
        if (copies && session.recall(key, level)) done();
        else look();
      });
    look();
  };

  const fetch = (flight: Flight, ended: () => void): void => {
    const { session, workload, key, token, held } = flight;
    const response = origin.fetch(key);
    if (response.type === 'failed') {
      held?.end();
      session.ask({ type: 'release', key, token }, () => ended());
      return;
    }
    held?.share(response.text);
    const stopRenewing = chance.hits(0.8) ? renew(flight) : () => {};
    workload.later(response.bodyMs, () => {
      stopRenewing();
      const value: Value = { meta: response.text, body: { type: 'inline', bytes: BYTES } };
      const ttlMs = 500 + chance.below(20_000);
      const variant = chance.pick(VARIANTS);
      session.write({ type: 'fill', key, variant, value, token, ttlMs, tags: tagsOf(key) }, () => {
        held?.end();
        ended();
      });
    });
  };

  /** Says again and again that the body is coming in, until the returned function is called. */
  const renew = ({ session, workload, key, token, held }: Flight): (() => void) => {
    const { leaseMs } = workload.limits;
    let isOver = false;
    const again = (): void =>
      workload.later(Math.max(RENEWED_AFTER * leaseMs, RENEWED_MIN_MS), () => {
        if (isOver) return;
        held?.goesOn();
        session.ask({ type: 'renew', key, token }, () => {});
        again();
      });
    again();
    return () => {
      isOver = true;
    };
  };

  /** Changes what the purge covers at the origin; tells what its acknowledgement promises. */
  const change = (session: Session, soft: boolean, isCovered: (key: string) => boolean): Announce => {
    const versions = URLS.filter(isCovered).map((key) => [key, origin.change(key)] as const);
    const edge = session.edge.id;
    return (at, isStrict) => {
      for (const [key, version] of versions)
        origin.promise(key, { version, at, soft, strict: isStrict, edge });
    };
  };

  /** A change made through an edge: the URL is purged in its group, without the coordinator. */
  const invalidate = (session: Session, done: () => void): void => {
    const key = pickKey(chance, URLS, HOT_URLS);
    const selector = { type: 'url', key } as const;
    const soft = chance.hits(0.3);
    const announce = change(session, soft, (one) => one === key);
    session.write({ type: 'purge', selector, soft }, ({ result, answeredAt }) => {
      if (result?.type === 'purged' && answeredAt !== null) announce(answeredAt, false);
      done();
    });
  };

  const publish = (session: Session, done: () => void): void => {
    const selection = drawSelection(chance, () => pickKey(chance, URLS, HOT_URLS));
    const announce = change(session, selection.soft, (key) => selects(selection, key, tagsOf(key)));
    const isStrict = chance.hits(0.3);
    session.purge(selection, isStrict, ({ answeredAt }) => {
      // Nobody but readers at level `any` may see what was there before a strict one.
      if (answeredAt !== null) announce(answeredAt, isStrict);
      done();
    });
  };

  /** A change through the edge whose answer is what the URL shows now: stored with the purge, unless it is overtaken. */
  const post = (session: Session, workload: Workload, done: () => void): void => {
    const key = pickKey(chance, URLS, HOT_URLS);
    session.ask({ type: 'token', key }, (answer) => {
      if (answer?.type !== 'lease' || answer.lease.type !== 'granted') {
        done();
        return;
      }
      const { token } = answer.lease;
      workload.later(chance.next() * 100, () => {
        const version = origin.change(key);
        const value: Value = { meta: origin.answerTo(version), body: { type: 'inline', bytes: BYTES } };
        workload.later(chance.next() * 400, () => {
          const fill = {
            key,
            variant: '',
            value,
            token,
            ttlMs: 20_000,
            tags: tagsOf(key),
            purges: true,
          } as const;
          session.write({ type: 'fill', ...fill }, ({ result, answeredAt }) => {
            if (result !== null && answeredAt !== null)
              origin.promise(key, { version, at: answeredAt, soft: false, strict: false, edge: NO_EDGE });
            done();
          });
        });
      });
    });
  };

  return (session, workload, done) => {
    const drawn = chance.next();
    if (drawn < 0.8) visit(session, workload, done);
    else if (drawn < 0.86) invalidate(session, done);
    else if (drawn < 0.96) publish(session, done);
    else post(session, workload, done);
  };
}
