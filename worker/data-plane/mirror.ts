// Sends a copy of a request to the route's mirror pool: one attempt that no client waits for, whose answer is thrown
// away. How the attempt ends counts for the mirror pool's own backends (ejections, suspicions, requests in flight), as
// any attempt does, and in no counter of the client's requests. Neither a mirror that hangs nor one that is flooded may
// cost the isolate more than a bounded number of copies at once.
import type { AttemptFailure } from './attempt.ts';
import { chooseBackend } from './choose-backend.ts';
import { enterCircuit, leaveCircuit } from './circuit.ts';
import { Http1ProtocolError } from './http1-message.ts';
import { originTarget } from './origin-target.ts';
import type { RuntimePool } from './pool-registry.ts';
import type { MirrorCopy } from './pool-state.ts';
import { bodyOf, type OriginResponse, sendToOrigin } from './send-to-origin.ts';
import type { Visit } from './visit.ts';
import { watchOutcome } from './watch-outcome.ts';
import { within } from './within.ts';

/** RFC 9110 §9.2.1. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
/** The copy of a body is kept until the slower of both has taken it. */
const BODY_BYTES_MAX = 65_536;
/** Of one isolate and pool. */
const COPIES_MAX = 100;
/** So much of an answer is read, so that the connection can be used again; what is longer is cut. */
const DRAINED_BYTES_MAX = 65_536;
const TOLD_EVERY_MS = 1_000;

/** To be called before the request's body is read. Never waits, and what fails later fails unheard. */
export function mirror(visit: Visit): void {
  const { edge, context, snapshot, route, request, isUpgrade } = visit;
  if (!route.mirror || isUpgrade) return;
  const { pool: name, ratio, unsafeMethods } = route.mirror;
  if (!(unsafeMethods || SAFE.has(request.method)) || edge.random.next() >= ratio) return;
  const pool = edge.pools.get(snapshot, name);
  if (!pool) throw new Error(`Cannot mirror to pool "${name}": version ${snapshot.version} lacks it`);
  const body = bodyOf(request);
  if (body !== null && !(Number(request.headers.get('content-length') ?? Number.NaN) <= BODY_BYTES_MAX)) {
    tellSkipped(visit, pool, 'too-large');
    return;
  }
  const copy = takePlace(pool, edge.now());
  if (copy === null) {
    tellSkipped(visit, pool, 'too-many');
    return;
  }
  const leave = () => pool.state.mirrors.delete(copy);
  context.waitUntil(sendCopy(visit, pool, body === null ? request : request.clone()).then(leave, leave));
}

function takePlace({ config, state: { mirrors } }: RuntimePool, nowMs: number): MirrorCopy | null {
  if (mirrors.size >= COPIES_MAX) {
    for (const other of mirrors) if (other.endsAt < nowMs) mirrors.delete(other);
    if (mirrors.size >= COPIES_MAX) return null;
  }
  const copy = { endsAt: nowMs + 2 * limitMsOf(config) };
  mirrors.add(copy);
  return copy;
}

function limitMsOf({ timeouts }: RuntimePool['config']): number {
  return Math.min(timeouts.totalMs, timeouts.attemptMs);
}

async function sendCopy(visit: Visit, pool: RuntimePool, request: Request): Promise<void> {
  const { edge, received, fields, target, route } = visit;
  // The client's own request goes first.
  await Promise.resolve();
  const choice = chooseBackend(visit, pool, [], edge.now());
  if (choice.type === 'no-backend') {
    tellSkipped(visit, pool, 'no-backend');
    return;
  }
  const { backend } = choice;
  const limitMs = limitMsOf(pool.config);
  const controller = new AbortController();
  const requestedAt = edge.now();
  const body = bodyOf(request);
  const era = enterCircuit(visit, pool, backend, requestedAt);
  backend.state.inFlight++;
  try {
    const sent = sendToOrigin({
      request,
      received,
      backend,
      target: originTarget(target.pathAndQuery, route.request, backend.basePath),
      fields: [...fields, ['roundel-mirror', '1']],
      body,
      signal: controller.signal,
    });
    const end = await endOf(sent, limitMs);
    const seen = watchOutcome(visit, pool, backend, end, { at: requestedAt, body });
    leaveCircuit(visit, pool, backend, era, requestedAt, seen);
    if (end.type === 'answered') await within(drain(end.response), limitMs);
  } finally {
    controller.abort();
    backend.state.inFlight--;
  }
}

type CopyEnd = { readonly type: 'answered'; readonly response: OriginResponse } | AttemptFailure;

async function endOf(sent: Promise<OriginResponse>, limitMs: number): Promise<CopyEnd> {
  try {
    const response = await within(sent, limitMs);
    if (response) return { type: 'answered', response };
    sent.catch(() => {});
    return { type: 'failed', code: 'origin-timeout', detail: `no response head within ${limitMs} ms` };
  } catch (error) {
    const code = error instanceof Http1ProtocolError ? 'origin-protocol' : 'origin-unreachable';
    return { type: 'failed', code, detail: error instanceof Error ? error.message : String(error) };
  }
}

async function drain({ body }: OriginResponse): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  let bytes = 0;
  try {
    while (bytes <= DRAINED_BYTES_MAX) {
      const { done, value } = await reader.read();
      if (done) return;
      bytes += value.byteLength;
    }
    await reader.cancel();
  } catch {
    // Cut by the origin, or by the time: nobody wanted it.
  }
}

/** At most once a second for a pool and reason, with how many requests it were since the last time. */
function tellSkipped(
  { edge, context, route }: Visit,
  { name, state: { told } }: RuntimePool,
  reason: 'too-large' | 'too-many' | 'no-backend',
): void {
  const at = edge.now();
  const { toldAt, requests: before } = told.mirrorsSkipped.get(reason) ?? { toldAt: 0, requests: 0 };
  const requests = before + 1;
  const isDue = at - toldAt >= TOLD_EVERY_MS;
  told.mirrorsSkipped.set(reason, isDue ? { toldAt: at, requests: 0 } : { toldAt, requests });
  if (!isDue) return;
  const detail = { pool: name, route: route.id, reason, requests };
  edge.telemetry.event({ at, type: 'mirror-skipped', subject: name, detail }, context);
}
