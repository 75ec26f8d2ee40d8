// Contenders that are measured in turn: the order of each round, what stands ready before the first, and one turn.
import { type Asked, bodyOf, pathsOf } from '../load/asked.ts';
import type { ClosedResult } from '../load/closed-round.ts';
import { cpuMicros } from './cpu-time.ts';

/** Whoever comes first goes on with the rounds: nobody always comes after the same other. */
export function inTurn<T>(contenders: readonly T[], round: number): readonly T[] {
  const first = round % contenders.length;
  return [...contenders.slice(first), ...contenders.slice(0, first)];
}

/** One request for each address, so that whoever reads finds something. Throws where one is not answered well. */
export async function askOnce(name: string, asked: Asked): Promise<void> {
  const { url, method = 'GET', headers = {} } = asked;
  const { origin } = new URL(url);
  for (const path of pathsOf(asked)) {
    const response = await fetch(`${origin}${path}`, { method, headers, body: bodyOf(asked) });
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`Cannot prepare "${name}": ${path} was answered ${response.status}`);
  }
}

export interface Turn extends ClosedResult {
  /** Of whole good answers. */
  readonly perSecond: number;
  /** Of the contender, for each request; null where the system does not tell. */
  readonly cpuMicros: number | null;
}

/** `pid`: of the contender; null where the system does not tell. */
export async function takeTurn(pid: number | null, ask: () => Promise<ClosedResult>): Promise<Turn> {
  const before = pid === null ? null : cpuMicros(pid);
  const result = await ask();
  const after = pid === null ? null : cpuMicros(pid);
  const { requests, failures, elapsedMs } = result;
  return {
    ...result,
    perSecond: ((requests - failures) / elapsedMs) * 1_000,
    cpuMicros: before === null || after === null ? null : (after - before) / requests,
  };
}

/** The same, of contenders that must not fail. */
export async function takeGoodTurn(
  { name, pid }: { readonly name: string; readonly pid: number | null },
  ask: () => Promise<ClosedResult>,
): Promise<Turn> {
  const turn = await takeTurn(pid, ask);
  if (turn.failures === 0) return turn;
  throw new Error(`Cannot measure "${name}": ${turn.failures} of ${turn.requests} requests failed`);
}
