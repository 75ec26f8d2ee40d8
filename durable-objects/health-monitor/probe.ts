// One probe: a request of our own to a backend, judged by its status. Whatever happens is a result, never an
// exception.
import { parseStatusRange } from '../../core/config/field-rules.ts';
import { parseOriginUrl } from '../../core/config/origin-url.ts';
import type { Backend, HealthCheck } from '../../core/config/schema.ts';
import type { ProbeResult } from '../interfaces.ts';

/** More of a body than this is not waited for. */
const BODY_BYTES_MAX = 65_536;
/** It is stored with the backend's state. */
const ERROR_CHARACTERS_MAX = 200;

/**
 * Never throws. Takes at most `check.timeoutMs`, body included. The Host of `hostHeader` (or of the check's own
 * headers) is asked for; the runtime sends it only where the platform lets a Worker choose it.
 */
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
    const response = await fetch(probeUrl(backend.url, check.path), {
      method: check.method,
      headers: probeHeaders(backend.hostHeader, check.headers),
      redirect: 'manual',
      signal: aborter.signal,
    });
    await readAndDrop(response.body);
    const expected = check.expect.status;
    return isExpected(response.status, expected)
      ? result(response.status, null)
      : result(response.status, `status ${response.status} instead of ${expected.join(', ')}`);
  } catch (error) {
    if (aborter.signal.aborted) return result(null, `no answer within ${check.timeoutMs} ms`);
    const why = error instanceof Error ? error.message : String(error);
    return result(null, `connection failed: ${why.slice(0, ERROR_CHARACTERS_MAX)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** The check's path below the backend's base path. */
export function probeUrl(backendUrl: string, path: string): string {
  const parsed = parseOriginUrl(backendUrl);
  if (!parsed.ok) throw new Error(`Cannot probe ${backendUrl}: it ${parsed.message}`);
  const { scheme, host, port, basePath } = parsed.url;
  return `${scheme}://${host}${port === null ? '' : `:${port}`}${basePath}${path}`;
}

export function isExpected(status: number, expected: readonly string[]): boolean {
  return expected.some((text) => {
    const range = parseStatusRange(text);
    return range !== null && status >= range[0] && status <= range[1];
  });
}

function probeHeaders(hostHeader: string | undefined, ofCheck: Record<string, string>): Headers {
  const headers = new Headers({ 'user-agent': 'roundel-health/1' });
  if (hostHeader !== undefined) headers.set('host', hostHeader);
  for (const [name, value] of Object.entries(ofCheck)) headers.set(name, value);
  return headers;
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
