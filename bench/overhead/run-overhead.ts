// The overhead lab: what proxying through the product costs beside a Worker that does nothing but pass requests on, on
// the same plain workerd before the same origin. Contenders take turns, round after round, so that whatever else the
// machine does falls on all of them; ratios are made within a round.
import { describeEnvironment, type Environment } from '../environment.ts';
import type { ClosedResult } from '../load/closed-round.ts';
import { type NumberRow, row } from '../number-row.ts';
import { type EdgeProcess, startEdgeProcess } from '../resilience/edge-process.ts';
import { startBareWorkers } from './bare-workers.ts';
import { childRunning } from './cpu-time.ts';
import { startIpcProcess } from './ipc-process.ts';
import { type Round, type Summary, summarize } from './summarize.ts';
import { inTurn, takeGoodTurn } from './taking-turns.ts';

export interface OverheadOptions {
  readonly quick: boolean;
  /** Recorded only: there is no chance in it that is ours to seed. */
  readonly seed: number;
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface OverheadReport {
  readonly lab: 'overhead';
  readonly environment: Environment;
  readonly load: { readonly connections: number; readonly rounds: number; readonly roundMs: number };
  /** The bare pass-through Worker's name among the contenders. */
  readonly base: string;
  readonly contenders: readonly Summary[];
  readonly numbers: readonly NumberRow[];
}

interface Contender {
  readonly name: string;
  readonly url: string;
  /** Of its workerd; null where the system does not tell. */
  readonly pid: number | null;
}

const CONNECTIONS = 32;
const WARM_UP_MS = 2_000;
const PLAN = { quick: { rounds: 6, roundMs: 1_000 }, whole: { rounds: 20, roundMs: 2_000 } };

const BASE = 'bare pass-through Worker';
const PRODUCT = 'roundel, defaults';
/** Requests/s of the product against the bare Worker's. */
const GOAL_RATIO = 0.85;

/** Quick: about 40 s instead of three minutes. */
export async function runOverhead({ quick, seed, progress }: OverheadOptions): Promise<OverheadReport> {
  const { rounds, roundMs } = quick ? PLAN.quick : PLAN.whole;
  progress('overhead: starting an origin, the bare Workers and the product');
  const origin = startIpcProcess('bench/overhead/plain-origin.ts');
  const load = startIpcProcess('bench/load/load-process.ts');
  const stops = [load.stop, origin.stop];
  try {
    const { port } = await origin.ask<{ port: number }>();
    const originUrl = `http://127.0.0.1:${port}`;
    const bare = await startBareWorkers(originUrl);
    stops.push(bare.stop);
    const edge = await startEdgeProcess();
    stops.push(edge.stop);
    await configure(edge, originUrl);
    const product = childRunning(edge.pid, 'workerd');
    const contenders: Contender[] = [
      { name: 'constant response', url: bare.constantUrl, pid: bare.pid },
      { name: BASE, url: bare.passThroughUrl, pid: bare.pid },
      { name: PRODUCT, url: `${edge.url}/plain/1`, pid: product },
      { name: 'roundel, exposeBackend', url: `${edge.url}/exposed/1`, pid: product },
    ];
    const ask = (url: string, ms: number) => load.ask<ClosedResult>({ url, connections: CONNECTIONS, ms });
    progress('overhead: warming up');
    for (const { url } of contenders) await ask(url, WARM_UP_MS);
    const results = new Map(contenders.map(({ name }): [string, Round[]] => [name, []]));
    for (let number = 0; number < rounds; number++) {
      progress(`overhead: round ${number + 1} of ${rounds}`);
      for (const contender of inTurn(contenders, number)) {
        const turn = await takeGoodTurn(contender, () => ask(contender.url, roundMs));
        results.get(contender.name)?.push(turn);
      }
    }
    const base = results.get(BASE) ?? [];
    const summaries = [...results].map(([name, turns]) => summarize(name, turns, base));
    return {
      lab: 'overhead',
      environment: describeEnvironment({ seed, quick }, ['workerd']),
      load: { connections: CONNECTIONS, rounds, roundMs },
      base: BASE,
      contenders: summaries,
      numbers: numbersOf(summaries),
    };
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
}

/** A pool of four backends, all of them the one origin: choosing costs what it costs, connecting is the same for all. */
function configure(edge: EdgeProcess, originUrl: string): Promise<void> {
  const backends = ['a', 'b', 'c', 'd'].map((id) => ({ id, url: originUrl }));
  return edge.configure({
    pools: { plain: { backends } },
    routes: [
      {
        id: 'exposed',
        match: { paths: ['/exposed/*'] },
        pool: 'plain',
        response: { exposeBackend: true },
      },
      { id: 'plain', pool: 'plain' },
    ],
  });
}

function numbersOf(summaries: readonly Summary[]): NumberRow[] {
  const product = summaries.find(({ name }) => name === PRODUCT);
  const base = summaries.find(({ name }) => name === BASE);
  if (!product || !base) return [];
  const numbers = [
    row('requests/s against the bare Worker', product.perSecondRatio, 'ratio', '≥', GOAL_RATIO),
  ];
  if (product.cpuMicros !== null && base.cpuMicros !== null) {
    numbers.push(row('CPU time a request over the bare Worker', product.cpuMicros - base.cpuMicros, 'µs'));
  }
  return numbers;
}
