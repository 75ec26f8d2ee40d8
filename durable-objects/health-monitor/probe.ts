// One probe: every check of a pool asked of one backend, in turn. Whatever happens is a result, never an exception.
import {
  checksOf,
  type HealthCheck,
  type ProbeCheck,
  VANTAGE_DEFAULT,
} from '../../core/config/health-schema.ts';
import type { Backend } from '../../core/config/schema.ts';
import type { ProbeResult } from '../interfaces/health-monitor.ts';
import { askBackend, RefusedRedirect } from './ask-backend.ts';
import { problemOfAnswer } from './judge-answer.ts';

/** It is stored with the backend's state. */
const ERROR_CHARACTERS_MAX = 200;

type Outcome = Pick<ProbeResult, 'status' | 'error'>;

/** Never throws. Takes at most each check's `timeoutMs`, body included; the first check that fails ends it. */
export async function probe(
  backend: Pick<Backend, 'url' | 'hostHeader'>,
  health: HealthCheck,
  vantage = VANTAGE_DEFAULT,
): Promise<ProbeResult> {
  const startedAt = Date.now();
  let outcome: Outcome = { status: null, error: null };
  for (const [index, check] of checksOf(health).entries()) {
    outcome = await askOnce(backend, check, vantage);
    if (outcome.error === null) continue;
    const where = index === 0 ? '' : `monitor ${index} (${check.path}): `;
    outcome = { ...outcome, error: (where + outcome.error).slice(0, ERROR_CHARACTERS_MAX) };
    break;
  }
  return { ok: outcome.error === null, ...outcome, tookMs: Date.now() - startedAt };
}

async function askOnce(
  backend: Pick<Backend, 'url' | 'hostHeader'>,
  check: ProbeCheck,
  vantage: string,
): Promise<Outcome> {
  // Not AbortSignal.timeout: its timer cannot be cleared, and a running timer keeps the object awake and billed.
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), check.timeoutMs);
  try {
    const answer = await askBackend(backend, check, vantage, aborter.signal);
    return { status: answer.status, error: problemOfAnswer(answer, check.expect) };
  } catch (error) {
    if (aborter.signal.aborted) return { status: null, error: `no answer within ${check.timeoutMs} ms` };
    const why = error instanceof Error ? error.message : String(error);
    return { status: null, error: error instanceof RefusedRedirect ? why : `connection failed: ${why}` };
  } finally {
    clearTimeout(timer);
  }
}
