// The shards lab: what replicated key-value data and the cache's two tiers cost beside a single plain object that does
// the least for the same, on plain workerd, one shard of three replicas. Contenders take turns, round after round, so
// that whatever else the machine does falls on all of them; ratios are made within a round.
import { describeEnvironment, type Environment } from '../environment.ts';
import type { ClosedOrder, ClosedResult } from '../load/closed-round.ts';
import type { NumberRow } from '../number-row.ts';
import { childRunning } from '../overhead/cpu-time.ts';
import { startIpcProcess } from '../overhead/ipc-process.ts';
import { type Round, type Summary, summarize } from '../overhead/summarize.ts';
import { askOnce, inTurn, takeGoodTurn } from '../overhead/taking-turns.ts';
import { startEdgeProcess } from '../resilience/edge-process.ts';
import { type ContenderName, contendersOf } from './contenders.ts';
import { startPlainObjects } from './plain-objects.ts';
import { type Measured, numbersOf } from './shards-numbers.ts';

export interface ShardsOptions {
  readonly quick: boolean;
  /** Recorded only: there is no chance in it that is ours to seed. */
  readonly seed: number;
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface ShardsReport {
  readonly lab: 'shards';
  readonly environment: Environment;
  readonly load: {
    readonly connections: readonly number[];
    readonly rounds: number;
    readonly roundMs: number;
  };
  /** Ratios are against the constant response. */
  readonly contenders: readonly { readonly connections: number; readonly summaries: readonly Summary[] }[];
  readonly numbers: readonly NumberRow[];
}

const CONNECTIONS = [32, 128] as const;
const BASE: ContenderName = 'constant response';
const PLAN = {
  quick: { rounds: 3, roundMs: 1_000, warmUpMs: 1_000 },
  whole: { rounds: 10, roundMs: 1_500, warmUpMs: 2_000 },
};
/** What the origin says of its one answer: it stays fresh for longer than the lab runs. */
const CACHE_CONTROL = 'max-age=86400';

/** Quick: about 100 s instead of five minutes. */
export async function runShards({ quick, seed, progress }: ShardsOptions): Promise<ShardsReport> {
  const { rounds, roundMs, warmUpMs } = quick ? PLAN.quick : PLAN.whole;
  progress('shards: starting an origin, plain objects and the product twice');
  const load = startIpcProcess('bench/load/load-process.ts');
  const origin = startIpcProcess('bench/overhead/plain-origin.ts', [CACHE_CONTROL]);
  const stops = [load.stop, origin.stop];
  try {
    const { port } = await origin.ask<{ port: number }>();
    const plain = await startPlainObjects();
    stops.push(plain.stop);
    const startProduct = async (memoryBytes: number | null) => {
      const config = {
        shards: { count: 1 },
        pools: { plain: { backends: [{ id: 'a', url: `http://127.0.0.1:${port}` }] } },
        routes: [{ id: 'plain', pool: 'plain', cache: { enabled: true } }],
        ...(memoryBytes === null ? {} : { l1: { bytesMax: memoryBytes } }),
      };
      const edge = await startEdgeProcess({ config });
      stops.push(edge.stop);
      return { url: edge.url, token: edge.token, pid: childRunning(edge.pid, 'workerd') };
    };
    const contenders = contendersOf(plain, await startProduct(0), await startProduct(null));
    const ask = (order: ClosedOrder) => load.ask<ClosedResult>(order);
    // Writers stand before their readers.
    for (const { name, ask: what } of contenders) await askOnce(name, what);
    for (const { name, ask: what } of contenders) {
      progress(`shards: warming up: ${name}`);
      await ask({ ...what, connections: CONNECTIONS[0], ms: warmUpMs });
    }
    const measured = CONNECTIONS.map((connections) => ({
      connections,
      rounds: new Map(contenders.map(({ name }): [ContenderName, Round[]] => [name, []])),
    }));
    for (let number = 0; number < rounds; number++) {
      progress(`shards: round ${number + 1} of ${rounds}`);
      for (const { connections, rounds: results } of measured) {
        for (const contender of inTurn(contenders, number)) {
          const order = { ...contender.ask, connections, ms: roundMs };
          results.get(contender.name)?.push(await takeGoodTurn(contender, () => ask(order)));
        }
      }
    }
    return {
      lab: 'shards',
      environment: describeEnvironment({ seed, quick }, ['workerd']),
      load: { connections: CONNECTIONS, rounds, roundMs },
      contenders: measured.map(summariesOf),
      numbers: numbersOf(measured),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

function summariesOf({ connections, rounds }: Measured): ShardsReport['contenders'][number] {
  const base = rounds.get(BASE) ?? [];
  return { connections, summaries: [...rounds].map(([name, results]) => summarize(name, results, base)) };
}
