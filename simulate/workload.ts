// Clients of one run: key-value writers and readers, visitors that fetch from an origin on a miss and fill, and
// publishers that change the origin and purge. One request at a time each; what is not answered is sent again with
// the same request id, and given up after a while.
import type { Random } from '../core/random.ts';
import type { Command, FillToken, Value } from '../core/replication/commands.ts';
import { etagOf } from '../core/replication/etag.ts';
import type { ClientAnswer, ClientRequest } from '../core/replication/messages.ts';
import { httpEntryKey, kvEntryKey } from '../core/sharding/entry-key.ts';
import type { Cluster } from './cluster.ts';
import { History, type ObservedWrite } from './history.ts';

const KV_KEYS = ['a', 'b', 'c'].map((name) => kvEntryKey('test', name));
const URLS = ['http://o.test/1', 'http://o.test/2'].map(httpEntryKey);
const ANSWER_TIMEOUT_MS = 800;
const ATTEMPTS_MAX = 8;
const AGAIN: ReadonlySet<ClientAnswer['type']> = new Set(['not-ready', 'not-primary', 'deposed']);

export class Workload {
  readonly history = new History();
  running = 0;
  private readonly cluster: Cluster;
  private readonly random: Random;
  /** The origin's version of each URL, and the one that acknowledged purges promise at least. */
  private readonly origin = new Map<string, number>();
  private readonly promised = new Map<string, number>();
  private readonly etags = new Map<string, string>();
  private hint = { view: 0, primary: 0 };
  private nextId = 1;
  private nextChunk = 1;

  constructor(cluster: Cluster, random: Random) {
    this.cluster = cluster;
    this.random = random;
  }

  /** Starts `clients` that do `operations` each. */
  start(clients: number, operations: number): void {
    for (let i = 0; i < clients; i++) {
      this.running += 1;
      this.work(operations);
    }
  }

  /** One write and one read that are asked for until they are answered; says whether both are. */
  writeAndRead(): () => boolean {
    let open = 2;
    const key = this.pick(KV_KEYS);
    const command: Command = { type: 'delete', key, condition: null };
    const settle = (): void => {
      open -= 1;
    };
    this.ask({ type: 'command', reqId: `healed${this.nextId++}`, command }, 1_000, settle);
    this.ask({ type: 'read', key, lease: 'none' }, 1_000, settle);
    return () => open === 0;
  }

  private work(left: number): void {
    if (left === 0) {
      this.running -= 1;
      return;
    }
    const next = (): void => this.later(this.pause(), () => this.work(left - 1));
    const kind = this.random.next();
    if (kind < 0.3) this.readKv(next);
    else if (kind < 0.6) this.writeKv(next);
    else if (kind < 0.88) this.visit(next);
    else this.publish(next);
  }

  /** Now and then long enough for the group to go to rest. */
  private pause(): number {
    return this.random.next() < 0.02 ? 5_000 : this.random.next() * 60;
  }

  private readKv(done: () => void): void {
    this.read(this.pick(KV_KEYS), 'none', () => done());
  }

  private writeKv(done: () => void): void {
    const key = this.pick(KV_KEYS);
    const kind = this.random.next();
    if (kind < 0.15) {
      this.write({ type: 'delete', key, condition: null }, done);
      return;
    }
    const etag = this.etags.get(key);
    const condition =
      kind < 0.3
        ? ({ type: 'absent' } as const)
        : kind < 0.5 && etag !== undefined
          ? ({ type: 'etag', etags: [etag] } as const)
          : null;
    const ttlMs = this.random.next() < 0.2 ? 200 + Math.floor(this.random.next() * 3_000) : null;
    const put = (value: Value): void =>
      this.write({ type: 'put', key, value, condition, ttlMs, tags: [] }, done);
    const meta = `w${this.nextId++}`;
    if (this.random.next() < 0.85) {
      put({ meta, body: { type: 'inline', bytes: new Uint8Array(8) } });
      return;
    }
    const hash = `chunk-${this.nextChunk++}`;
    const stage = { type: 'stage', hash, bytes: new Uint8Array(16) } as const;
    this.ask(stage, ATTEMPTS_MAX, (answer) => {
      if (answer?.type === 'staged') put({ meta, body: { type: 'chunks', hashes: [hash], bytes: 16 } });
      else done();
    });
  }

  /** A lookup; on a granted lease a fetch that may take long, and a fill. */
  private visit(done: () => void): void {
    const key = this.pick(URLS);
    const wish = this.random.next() < 0.3 ? 'always' : 'when-absent';
    this.read(key, wish, (answer) => {
      if (answer?.type !== 'rows' || answer.lease?.type !== 'granted') {
        done();
        return;
      }
      const { token } = answer.lease;
      // The origin answers somewhere within the fetch; the body may then crawl.
      this.later(this.random.next() * 30, () => {
        const version = this.version(key);
        const crawl = this.random.next();
        const bodyMs = crawl < 0.8 ? crawl * 200 : crawl < 0.97 ? crawl * 3_000 : 58_000 + crawl * 5_000;
        // Slow ones run on beside their client, as a request that nobody waits for any more.
        this.running += 1;
        this.later(bodyMs, () =>
          this.fill(key, token, version, () => {
            this.running -= 1;
          }),
        );
        done();
      });
    });
  }

  private fill(key: string, token: FillToken, version: number, done: () => void): void {
    if (this.random.next() < 0.1) {
      this.ask({ type: 'release', key, token }, 1, () => done());
      return;
    }
    const value: Value = { meta: `v${version}`, body: { type: 'inline', bytes: new Uint8Array(100) } };
    const ttlMs = 500 + Math.floor(this.random.next() * 20_000);
    this.write({ type: 'fill', key, variant: '', value, token, ttlMs, tags: [] }, done);
  }

  /** Once the purge is acknowledged, nobody may see what was there before it. */
  private publish(done: () => void): void {
    const all = this.random.next() < 0.3;
    const keys = all ? URLS : [this.pick(URLS)];
    const versions = keys.map((key) => {
      const version = this.version(key) + 1;
      this.origin.set(key, version);
      return { key, version };
    });
    const [first = ''] = keys;
    const selector = all ? ({ type: 'all' } as const) : ({ type: 'url', key: first } as const);
    this.write({ type: 'purge', selector }, (observed) => {
      if (observed.result?.type === 'purged') {
        for (const { key, version } of versions) {
          this.promised.set(key, Math.max(this.promised.get(key) ?? 0, version));
        }
      }
      done();
    });
  }

  private read(
    key: string,
    lease: 'none' | 'when-absent' | 'always',
    done: (answer: ClientAnswer | null) => void,
  ): void {
    const invokedAt = this.history.next();
    const versionAtLeast = this.promised.get(key) ?? 0;
    this.ask({ type: 'read', key, lease }, ATTEMPTS_MAX, (answer) => {
      if (answer?.type === 'rows') {
        const { rows, bookmark, t } = answer;
        const answeredAt = this.history.next();
        const type = 'read' as const;
        this.history.reads.push({ type, key, invokedAt, answeredAt, rows, bookmark, t, versionAtLeast });
        const [row] = rows;
        if (row !== undefined) this.etags.set(key, etagOf(row));
      }
      done(answer);
    });
  }

  private write(command: Command, done: (observed: ObservedWrite) => void): void {
    const observed: ObservedWrite = {
      type: 'write',
      reqId: `r${this.nextId++}`,
      command,
      invokedAt: this.history.next(),
      answeredAt: null,
      result: null,
      bookmark: null,
    };
    this.history.writes.push(observed);
    this.ask({ type: 'command', reqId: observed.reqId, command }, ATTEMPTS_MAX, (answer) => {
      if (answer?.type === 'result') {
        observed.answeredAt = this.history.next();
        observed.result = answer.result;
        observed.bookmark = answer.bookmark;
      }
      done(observed);
    });
  }

  /** Asks the primary, again and again with the same request, until it answers or `attempts` are used up. */
  private ask(request: ClientRequest, attempts: number, done: (answer: ClientAnswer | null) => void): void {
    let open = true;
    const settle = (answer: ClientAnswer | null): void => {
      if (!open) return;
      open = false;
      if (answer !== null) this.follow(answer);
      const isOver = answer !== null && !AGAIN.has(answer.type);
      if (isOver) done(answer);
      else if (attempts <= 1) done(null);
      else if (answer === null) this.ask(request, attempts - 1, done);
      else this.later(20 + this.random.next() * 200, () => this.ask(request, attempts - 1, done));
    };
    const { primary, view } = this.hint;
    this.cluster.ask(primary, request, settle);
    this.later(ANSWER_TIMEOUT_MS, () => {
      if (open) this.suspect(view, primary);
      settle(null);
    });
  }

  /** Asks another member, which may know a newer view, and will look after the primary. */
  private suspect(view: number, primary: number): void {
    const others = this.cluster.members.filter(({ id }) => id !== primary);
    if (others.length === 0) return;
    this.cluster.ask(this.pick(others).id, { type: 'suspect', view }, (answer) => this.follow(answer));
  }

  private follow(answer: ClientAnswer): void {
    if (!('primary' in answer) || answer.view < this.hint.view) return;
    this.hint = { view: answer.view, primary: answer.primary };
  }

  private version(key: string): number {
    return this.origin.get(key) ?? 1;
  }

  private later(delayMs: number, run: () => void): void {
    this.cluster.scheduler.after(delayMs, 'client', run);
  }

  private pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.random.next() * from.length)];
    if (picked === undefined) throw new Error('There is nothing to pick from');
    return picked;
  }
}
