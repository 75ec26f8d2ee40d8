// Which requests are explained: those that carry a token, and a share of a route's where its configuration says so.
import type { Route } from '../../core/config/schema.ts';
import { type Fields, fieldValue } from '../../core/http/fields.ts';
import type { Edge } from '../edge.ts';
import { DecisionRecord } from './decision-record.ts';

const TOKEN_FIELD = 'roundel-explain';
const ID_FIELD = 'roundel-explain-id';

/** What the client sent as its token; undefined for nearly all. O(fields). */
export function explainToken(received: Fields): string | undefined {
  return fieldValue(received, TOKEN_FIELD);
}

/** null where the token is not good, which is told to nobody, or more are asked for than can be kept. */
export async function recordByToken(
  edge: Edge,
  request: Request,
  token: string,
  startedAt: number,
): Promise<DecisionRecord | null> {
  if (!(await edge.explainTokens.isValid(token)) || !edge.telemetry.hasRoomToExplain('token')) return null;
  return new DecisionRecord(edge.newRequestId(), 'token', startedAt, request.method, request.url);
}

/** null for nearly all; costs a comparison where the route has no samples. */
export function recordAsSample(
  edge: Edge,
  request: Request,
  { explain: { sampleRatio } }: Route,
  startedAt: number,
): DecisionRecord | null {
  if (sampleRatio === 0 || edge.random.next() >= sampleRatio) return null;
  if (!edge.telemetry.hasRoomToExplain('sample')) return null;
  return new DecisionRecord(edge.newRequestId(), 'sample', startedAt, request.method, request.url);
}

/** Whoever asked learns where to read it; samples leave no record in the response. */
export function tellExplainId({ id, source }: DecisionRecord, { headers }: Response): void {
  if (source === 'token') headers.set(ID_FIELD, id);
}
