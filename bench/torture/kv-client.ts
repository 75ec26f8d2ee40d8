// A client of the key-value store that writes down what it saw: puts of values that nobody else writes, and linearizable
// reads, on a few keys that all clients share; and now and then a key of its own that is written once.
import type { Outcome, RecordedHistory } from './recorded-history.ts';

export interface Target {
  /** Changes with every start of the product. */
  readonly url: string;
  readonly token: string;
}

export interface ClientParts {
  readonly history: RecordedHistory;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** null while the product is down. */
  readonly target: () => Target | null;
  readonly isOver: () => boolean;
  /** Resolves a moment later. */
  readonly pause: () => Promise<void>;
  /** Keys written once whose writes were acknowledged, with what was written. */
  readonly acknowledged: Map<string, string>;
}

const SHARED_KEYS = 5;
const ONCE_RATIO = 0.2;
const READ_RATIO = 0.5;
const TIMEOUT_MS = 8_000;

/** `name` begins all values that it writes. Never throws. */
export async function runClient(name: string, parts: ClientParts): Promise<void> {
  const { history, random, target, isOver, pause, acknowledged } = parts;
  let process = history.newProcess();
  for (let n = 0; !isOver(); n++) {
    const at = target();
    if (at === null) {
      await pause();
      continue;
    }
    if (random() < ONCE_RATIO) {
      const key = `once-${name}-${n}`;
      if ((await put(at, key, key)) === 'ok') acknowledged.set(key, key);
      continue;
    }
    const key = `shared-${Math.floor(random() * SHARED_KEYS)}`;
    const isRead = random() < READ_RATIO;
    const value = isRead ? null : `${name}-${n}`;
    history.add(process, 'invoke', isRead ? 'get' : 'put', key, value);
    const seen = value === null ? await get(at, key) : { outcome: await put(at, key, value), value };
    history.add(process, seen.outcome, isRead ? 'get' : 'put', key, seen.value);
    if (seen.outcome === 'info') process = history.newProcess();
    if (seen.outcome !== 'ok') await pause();
  }
}

async function put(at: Target, key: string, body: string): Promise<Outcome> {
  const response = await call(at, key, { method: 'PUT', body });
  if (response === null) return 'info';
  // 503 says that nothing was done; 504 that nobody knows.
  return response.ok ? 'ok' : response.status === 503 ? 'fail' : 'info';
}

/** A read that failed tells nothing, and does nothing. */
export async function get(at: Target, key: string): Promise<{ outcome: Outcome; value: string | null }> {
  const response = await call(at, key, {});
  if (response?.status === 404) return { outcome: 'ok', value: null };
  if (!response?.ok) return { outcome: 'fail', value: null };
  return { outcome: 'ok', value: response.text };
}

/** null: no whole answer came. */
async function call(
  { url, token }: Target,
  key: string,
  init: RequestInit,
): Promise<{ ok: boolean; status: number; text: string } | null> {
  try {
    const response = await fetch(`${url}/_roundel/v1/kv/torture/${key}`, {
      ...init,
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { ok: response.ok, status: response.status, text: await response.text() };
  } catch {
    return null;
  }
}
