// What clients of the profile `core` do: key-value commands on a few hot keys and a tail, every value unique, conditions
// from what was seen, some with a time to live, some in chunks, some several in one call, now and then a purge, and reads
// at every level.
import type { Command, Condition, Value } from '../../core/replication/commands.ts';
import { etagOf } from '../../core/replication/etag.ts';
import type { ReadLevel } from '../../core/replication/messages.ts';
import type { Chance } from '../engine/chance.ts';
import { COUNTER, COUNTERS, drawKvPurge, KV_KEYS, pickKey, tagsOf } from './keys.ts';
import type { Session } from './session.ts';
import type { Operate } from './workload.ts';

const HOT_KEYS = 2;
const LEVELS: readonly ReadLevel[] = ['linearizable', 'linearizable', 'session', 'bounded', 'any'];
const BYTES = new Uint8Array(8);

export function coreOperations(chance: Chance): Operate {
  const etags = new Map<string, string>();
  let nextValue = 1;

  const condition = (key: string): Condition | null => {
    const drawn = chance.next();
    const etag = etags.get(key);
    if (drawn < 0.6) return null;
    if (drawn < 0.75) return { type: 'absent' };
    if (drawn < 0.8 || etag === undefined) return { type: 'exists' };
    return { type: 'etag', etags: [etag] };
  };

  const read = (session: Session, key: string, done: () => void): void => {
    const level = chance.pick(LEVELS);
    const copies = level === 'bounded' && chance.hits(0.5);
    if (copies && session.recall(key, level)) {
      done();
      return;
    }
    session.read(key, { level, lease: 'none', copies }, (answer) => {
      const row = answer?.rows[0];
      if (row !== undefined) etags.set(key, etagOf(row));
      done();
    });
  };

  const write = (session: Session, command: Command, done: () => void): void => {
    session.write(command, ({ result }) => {
      if (result?.type === 'stored' && command.type === 'put') etags.set(command.key, result.etag);
      done();
    });
  };

  const put = (session: Session, key: string, done: () => void): void => {
    const ttlMs = chance.hits(0.15) ? 100 + chance.below(4_000) : null;
    const tags = tagsOf(key);
    const store = (value: Value): void =>
      write(session, { type: 'put', key, value, condition: condition(key), ttlMs, tags }, done);
    const number = nextValue++;
    const meta = `w${number}`;
    if (!chance.hits(0.05)) {
      store({ meta, body: { type: 'inline', bytes: BYTES } });
      return;
    }
    const hash = `chunk-${number}`;
    session.ask({ type: 'stage', hash, bytes: BYTES }, (answer) => {
      if (answer?.type === 'staged') store({ meta, body: { type: 'chunks', hashes: [hash], bytes: 8 } });
      else done();
    });
  };

  const count = (session: Session, done: () => void): void => {
    const key = chance.pick(COUNTERS);
    const drawn = chance.next();
    if (drawn < 0.3) read(session, key, done);
    else if (drawn < 0.35) write(session, { type: 'delete', key, condition: null }, done);
    else {
      const ttlMs = chance.hits(0.1) ? 500 + chance.below(4_000) : null;
      const by = chance.below(9) - 3;
      write(
        session,
        { type: 'increment', key, by, condition: null, meta: COUNTER, ttlMs, tags: tagsOf(key) },
        done,
      );
    }
  };

  /** Several in one call, some on the same key: each takes effect for itself. */
  const batch = (session: Session, done: () => void): void => {
    const commands = Array.from({ length: 2 + chance.below(3) }, (): Command => {
      const key = pickKey(chance, KV_KEYS, HOT_KEYS);
      const drawn = chance.next();
      if (drawn < 0.2) return { type: 'delete', key, condition: condition(key) };
      if (drawn < 0.4) {
        const counter = chance.pick(COUNTERS);
        const tags = tagsOf(counter);
        return { type: 'increment', key: counter, by: 1, condition: null, meta: COUNTER, ttlMs: null, tags };
      }
      const value: Value = { meta: `w${nextValue++}`, body: { type: 'inline', bytes: BYTES } };
      return { type: 'put', key, value, condition: condition(key), ttlMs: null, tags: tagsOf(key) };
    });
    session.writeAll(commands, () => done());
  };

  return (session, _, done) => {
    if (chance.hits(0.06)) {
      batch(session, done);
      return;
    }
    if (chance.hits(0.12)) {
      count(session, done);
      return;
    }
    const drawn = chance.next();
    const key = pickKey(chance, KV_KEYS, HOT_KEYS);
    if (drawn < 0.5) read(session, key, done);
    else if (drawn < 0.89) put(session, key, done);
    else if (drawn < 0.98) write(session, { type: 'delete', key, condition: condition(key) }, done);
    else write(session, { type: 'purge', selector: drawKvPurge(chance) }, done);
  };
}
