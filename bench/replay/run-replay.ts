// Your own case: an access log against a configuration. Who gets how much, which keys are hot, what a cache of some size
// would answer, and what a second configuration would move.
import { EVICTION_POLICIES } from '../../core/cache/eviction/policies.ts';
import type { Config } from '../../core/config/schema.ts';
import { type Capacity, capacityBytes } from '../cache/capacity.ts';
import { simulate } from '../cache/simulate.ts';
import { describeEnvironment, type Environment } from '../environment.ts';
import { InputError } from '../input-error.ts';
import { type LoggedRequest, readLog } from './access-log.ts';
import { cachedRequests } from './cached-requests.ts';
import { Counts } from './counts.ts';
import { type Movement, movements } from './movement.ts';
import { createRouter } from './router.ts';

export interface NamedConfig {
  /** As the caller wrote it. */
  readonly name: string;
  readonly config: Config;
}

export interface ReplayOptions {
  readonly seed: number;
  readonly log: { readonly name: string; readonly text: string };
  /** Of requests whose line names none. */
  readonly host: string;
  readonly config: NamedConfig;
  readonly against: NamedConfig | null;
  readonly capacities: readonly Capacity[];
  readonly progress: (line: string) => void;
}

export interface Hot {
  readonly key: string;
  readonly requests: number;
  /** 0–1. */
  readonly share: number;
}

export interface ReplayedPoolReport {
  readonly pool: string;
  readonly strategy: string;
  readonly requests: number;
  readonly keys: number;
  readonly backends: readonly {
    readonly id: string;
    readonly requests: number;
    readonly share: number;
    /** By the weights of those that may take traffic. */
    readonly fairShare: number;
    readonly bytes: number;
  }[];
  /** Requests of which no backend may take any. */
  readonly unserved: number;
  readonly hotKeys: readonly (Hot & { readonly backend: string | null })[];
}

export interface ReplayReport {
  readonly lab: 'replay';
  readonly environment: Environment;
  readonly config: string;
  readonly accessLog: string;
  readonly against: string | null;
  /** That a route takes. */
  readonly requests: number;
  readonly unrouted: number;
  readonly skipped: { readonly requests: number; readonly first: string | null };
  readonly pools: readonly ReplayedPoolReport[];
  readonly hotUrls: readonly Hot[];
  readonly cache: {
    readonly requests: number;
    readonly objects: number;
    readonly distinctBytes: number;
    readonly sizes: readonly {
      readonly capacity: string;
      readonly bytes: number;
      /** 0–1: of the requests that could be cached, and of their bytes. */
      readonly hitRatio: number;
      readonly byteHitRatio: number;
    }[];
  } | null;
  readonly moved: readonly Movement[] | null;
}

const HOT = 10;
const PROGRESS_EVERY = 200_000;

export function runReplay(options: ReplayOptions): ReplayReport {
  const { seed, log, config, against, capacities, progress } = options;
  const router = createRouter(config.config, seed);
  const other = against && createRouter(against.config, seed);
  const pools = new Map<string, PoolCounts>();
  const urls = new Counts<string>();
  const cached = cachedRequests();
  const moves = movements();
  let requests = 0;
  let unrouted = 0;
  let firstUnrouted: LoggedRequest | null = null;
  let skipped = 0;
  let firstSkipped: string | null = null;

  progress(`replay: ${log.name} against ${config.name}`);
  for (const entry of readLog(log.text, log.name, options.host)) {
    if ((requests + unrouted + skipped + 1) % PROGRESS_EVERY === 0) progress(`replay: line ${entry.line}`);
    if (!('target' in entry)) {
      skipped++;
      firstSkipped ??= `line ${entry.line}: ${entry.reason}`;
      continue;
    }
    const destination = router.route(entry);
    if (!destination) {
      unrouted++;
      firstUnrouted ??= entry;
      continue;
    }
    requests++;
    const counts = pools.get(destination.pool) ?? newPoolCounts();
    pools.set(destination.pool, counts);
    counts.requests.add(destination.backend);
    if (destination.backend !== null) counts.bytes.add(destination.backend, entry.bytes);
    if (destination.key !== '') {
      counts.keys.add(destination.key);
      counts.backendOf.set(destination.key, destination.isPinned ? destination.backend : null);
    }
    urls.add(entry.target.canonicalUrl);
    cached.add(entry, destination.route);
    if (other) moves.add(destination, other.route(entry));
  }
  if (requests === 0) throw new InputError(whyNone(log.name, firstUnrouted, firstSkipped));

  const trace = cached.trace(log.name);
  return {
    lab: 'replay',
    environment: describeEnvironment({ seed, quick: false }, []),
    config: config.name,
    accessLog: log.name,
    against: against?.name ?? null,
    requests,
    unrouted,
    skipped: { requests: skipped, first: firstSkipped },
    pools: [...pools].map(([name, counts]) => poolReport(name, config.config, counts)),
    hotUrls: hottest(urls),
    cache: trace && {
      requests: trace.requests.length,
      objects: trace.keys.length,
      distinctBytes: trace.distinctBytes,
      sizes: capacities.map((capacity) => {
        progress(`replay: cache of ${capacity.text}`);
        const bytes = capacityBytes(capacity, trace.distinctBytes);
        const { objectMissRatio, byteMissRatio } = simulate(EVICTION_POLICIES.roundel, trace, bytes);
        return {
          capacity: capacity.text,
          bytes,
          hitRatio: 1 - objectMissRatio,
          byteHitRatio: 1 - byteMissRatio,
        };
      }),
    },
    moved: other && moves.result(),
  };
}

interface PoolCounts {
  readonly requests: Counts<string | null>;
  readonly bytes: Counts<string>;
  readonly keys: Counts<string>;
  readonly backendOf: Map<string, string | null>;
}

function newPoolCounts(): PoolCounts {
  return { requests: new Counts(), bytes: new Counts(), keys: new Counts(), backendOf: new Map() };
}

function whyNone(name: string, unrouted: LoggedRequest | null, skipped: string | null): string {
  if (unrouted) {
    const { line, method, target } = unrouted;
    return (
      `Cannot replay ${name}: no route takes any of its requests, the first on line ${line}: ${method} ` +
      `${target.host}${target.path} (--host says whom the log is of, where its lines do not)`
    );
  }
  return `Cannot replay ${name}: it holds no request${skipped ? ` (${skipped})` : ''}`;
}

function hottest(counts: Counts<string>): Hot[] {
  return counts.top(HOT).map(({ key, count, share }) => ({ key, requests: count, share }));
}

function poolReport(name: string, config: Config, counts: PoolCounts): ReplayedPoolReport {
  const pool = config.pools[name];
  if (!pool) throw new Error(`Cannot report on pool "${name}": there is none`);
  const active = pool.backends.filter(({ state, weight }) => state === 'active' && weight > 0);
  const weights = active.reduce((sum, { weight }) => sum + weight, 0);
  const { requests, bytes, keys, backendOf } = counts;
  return {
    pool: name,
    strategy: pool.strategy.type,
    requests: requests.total,
    keys: keys.distinct,
    backends: pool.backends.map((backend) => ({
      id: backend.id,
      requests: requests.of(backend.id),
      share: requests.of(backend.id) / requests.total,
      fairShare: active.includes(backend) ? backend.weight / weights : 0,
      bytes: bytes.of(backend.id),
    })),
    unserved: requests.of(null),
    hotKeys: hottest(keys).map((hot) => ({ ...hot, backend: backendOf.get(hot.key) ?? null })),
  };
}
