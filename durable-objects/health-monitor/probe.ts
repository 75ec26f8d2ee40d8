// One probe: a request of our own to a backend, judged by its status. Whatever happens is a result, never an
// exception.
import { parseStatusRange } from '../../core/config/field-rules.ts';
import type { OriginUrl } from '../../core/config/origin-url.ts';
import { parseOriginUrl } from '../../core/config/origin-url.ts';
import type { Backend, HealthCheck } from '../../core/config/schema.ts';
import type { ProbeResult } from '../interfaces.ts';
import { socketStatus } from './socket-probe.ts';

/** More of a body than this is not waited for. */
const BODY_BYTES_MAX = 65_536;
/** It is stored with the backend's state. */
const ERROR_CHARACTERS_MAX = 200;

/** Never throws. Takes at most `check.timeoutMs`, body included. */
export async function probe(
  backend: Pick<Backend, 'url' | 'hostHeader'>,
  check: HealthCheck,
): Promise<ProbeResult> {
  const startedAt = Date.now();
  const result = (status: number | null, error: string | null): ProbeResult => ({
    ok: error === null,
    status,
    error,
    tookMs: Date.now() - startedAt,
  });
  // Not AbortSignal.timeout: its timer cannot be cleared, and a running timer keeps the object awake and billed.
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), check.timeoutMs);
  try {
    const status = await askStatus(backend, check, aborter.signal);
    return isExpected(status, check.expect.status)
      ? result(status, null)
      : result(status, `status ${status} instead of ${check.expect.status.join(', ')}`);
  } catch (error) {
    if (aborter.signal.aborted) return result(null, `no answer within ${check.timeoutMs} ms`);
    const why = error instanceof Error ? error.message : String(error);
    return result(null, `connection failed: ${why.slice(0, ERROR_CHARACTERS_MAX)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** The check's path lies below the backend's base path; its own Host comes before the backend's. */
async function askStatus(
  backend: Pick<Backend, 'url' | 'hostHeader'>,
  { path, method, headers: ofCheck }: HealthCheck,
  signal: AbortSignal,
): Promise<number> {
  const parsed = parseOriginUrl(backend.url);
  if (!parsed.ok) throw new Error(`Cannot probe ${backend.url}: it ${parsed.message}`);
  const target = parsed.url.basePath + path;
  const headers = new Map([['user-agent', 'roundel-health/1']]);
  for (const [name, value] of Object.entries(ofCheck)) headers.set(name.toLowerCase(), value);
  const host = headers.get('host') ?? backend.hostHeader;
  headers.delete('host');
  if (host !== undefined) {
    return socketStatus({ origin: parsed.url, method, target, host, headers, signal });
  }
  const response = await fetch(addressOf(parsed.url) + target, {
    method,
    headers: [...headers],
    redirect: 'manual',
    signal,
  });
  await readAndDrop(response.body);
  return response.status;
}

function addressOf({ scheme, host, port }: OriginUrl): string {
  return `${scheme}://${host}${port === null ? '' : `:${port}`}`;
}

function isExpected(status: number, expected: readonly string[]): boolean {
  return expected.some((text) => {
    const range = parseStatusRange(text);
    return range !== null && status >= range[0] && status <= range[1];
  });
}

/** A body that ends early is a failure too; a long one is cut off. */
async function readAndDrop(body: ReadableStream<Uint8Array> | null): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  let bytes = 0;
  while (bytes < BODY_BYTES_MAX) {
    const { done, value } = await reader.read();
    if (done) return;
    bytes += value.byteLength;
  }
  await reader.cancel();
}
