// The torture lab: clients write and read while the whole of workerd is killed (SIGKILL) at random moments and started
// again on the same disk. In the end every acknowledged write must be there, and what the clients saw must be
// linearizable.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom } from '../../core/random.ts';
import { describeEnvironment, type Environment } from '../environment.ts';
import { type NumberRow, row } from '../number-row.ts';
import { childRunning } from '../overhead/cpu-time.ts';
import { repository } from '../resilience/child.ts';
import { type EdgeProcess, startEdgeProcess } from '../resilience/edge-process.ts';
import { pause } from '../resilience/until.ts';
import { removeFolder, temporaryFolder } from '../temporary-folder.ts';
import { get, runClient, type Target } from './kv-client.ts';
import { RecordedHistory } from './recorded-history.ts';

export interface TortureOptions {
  readonly quick: boolean;
  readonly seed: number;
  /** One line each. */
  readonly progress: (line: string) => void;
}

export interface TortureReport {
  readonly lab: 'torture';
  readonly environment: Environment;
  readonly kills: number;
  /** Of the history: what was invoked, and how it ended. */
  readonly events: number;
  readonly verdict: string;
  /** Writes to keys of their own. */
  readonly acknowledged: number;
  readonly lostCount: number;
  /** Acknowledged keys that were not there in the end, at most ten of them. */
  readonly lost: readonly string[];
  readonly numbers: readonly NumberRow[];
}

const CLIENTS = 6;
/** From when the product serves to when it is killed, ms. */
const LIFE_MS_MIN = 200;
const LIFE_MS_MAX = 3_000;

export async function runTorture({ quick, seed, progress }: TortureOptions): Promise<TortureReport> {
  const kills = quick ? 10 : 100;
  const random = seededRandom(seed);
  const stateDir = temporaryFolder('torture');
  const history = new RecordedHistory();
  const acknowledged = new Map<string, string>();
  let edge: EdgeProcess | null = null;
  let isOver = false;
  try {
    edge = await startEdgeProcess({ stateDir });
    let target: Target | null = edge;
    const clients = Array.from({ length: CLIENTS }, (_, i) =>
      runClient(`c${i}`, {
        history,
        random: () => random.next(),
        target: () => target,
        isOver: () => isOver,
        pause: () => pause(20),
        acknowledged,
      }),
    );
    for (let kill = 1; kill <= kills; kill++) {
      await pause(LIFE_MS_MIN + random.next() * (LIFE_MS_MAX - LIFE_MS_MIN));
      killWorkerd(edge);
      target = null;
      await edge.stop('SIGKILL');
      edge = await startEdgeProcess({ stateDir });
      target = edge;
      if (kill % 10 === 0)
        progress(`torture: killed ${kill} of ${kills} times, ${acknowledged.size} keys kept so far`);
    }
    await pause(LIFE_MS_MAX);
    isOver = true;
    await Promise.all(clients);
    const lost = await missing(edge, acknowledged);
    const verdict = await judged(history, stateDir);
    return {
      lab: 'torture',
      environment: describeEnvironment({ seed, quick }, ['workerd']),
      kills,
      events: history.events,
      verdict,
      acknowledged: acknowledged.size,
      lostCount: lost.length,
      lost: lost.slice(0, 10),
      numbers: [
        row('times that workerd was killed', kills, 'count'),
        row('acknowledged writes to keys of their own', acknowledged.size, 'count'),
        row('of them lost', lost.length, 'count', '≤', 0),
        row('events in the history of shared keys', history.events, 'count'),
        row('histories that are not linearizable', verdict === 'linearizable' ? 0 : 1, 'count', '≤', 0),
      ],
    };
  } finally {
    isOver = true;
    await edge?.stop();
    removeFolder(stateDir);
  }
}

function killWorkerd({ pid }: EdgeProcess): void {
  const workerd = childRunning(pid, 'workerd');
  if (workerd === null) throw new Error('Cannot find workerd: this lab needs /proc, as Linux has it');
  process.kill(workerd, 'SIGKILL');
}

async function missing(at: Target, acknowledged: ReadonlyMap<string, string>): Promise<string[]> {
  const lost: string[] = [];
  for (const [key, value] of acknowledged) {
    const { outcome, value: found } = await get(at, key);
    if (outcome !== 'ok' || found !== value) lost.push(key);
  }
  return lost;
}

/** By the checker's own command: it knows nothing of the product. */
function judged(history: RecordedHistory, folder: string): Promise<string> {
  const file = join(folder, 'history.txt');
  writeFileSync(file, history.text());
  const args = ['linearize/main.ts', '--json', file];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: repository, maxBuffer: 2 ** 26 }, (error, stdout) => {
      try {
        const { results } = JSON.parse(stdout) as { results: readonly { verdict: string }[] };
        resolve(results[0]?.verdict ?? 'unknown');
      } catch {
        reject(error ?? new Error(`Cannot read the verdict: ${stdout.slice(0, 200)}`));
      }
    });
  });
}
