// A change made through the edge invalidates what is stored of it (RFC 9111 §4.4): as a logged purge of the URL, so
// that a fetch which began before the change cannot bring the old response back. It is waited for, with a bound:
// whoever gets the answer to a change reads nothing older afterwards.
import { urlsToInvalidate } from '../../core/cache/invalidation.ts';
import { groupTagsToInvalidate } from '../../core/cache/response-tags.ts';
import { routeTableOf } from '../../core/config/route-table.ts';
import { parseTarget } from '../../core/http/target.ts';
import type { CacheAnswer } from './cache-lookup.ts';
import { type PostFill, planPostFill } from './fill.ts';
import { keysOfUrl } from './keys-of-url.ts';
import type { Answered } from './make-attempt.ts';
import type { UnstagedCommand } from './unstaged-command.ts';
import type { Visit } from './visit.ts';
import { within } from './within.ts';

const PURGE_WAIT_MS = 3_000;

export type Invalidation =
  | 'nothing-to-do'
  | 'done'
  /** What the change was answered is what the URL shows now. */
  | 'done-and-stored'
  | 'not-confirmed';

/** At once where nothing is to be invalidated. */
export function invalidate(
  visit: Visit,
  cached: CacheAnswer,
  origin: Answered,
): Invalidation | Promise<Invalidation> {
  const { request, target, route } = visit;
  const { response } = origin;
  const exchange = { method: request.method, target, status: response.status, fields: response.fields };
  const urls = urlsToInvalidate(exchange);
  if (urls.length === 0 || !isCachedSomewhere(visit)) return 'nothing-to-do';
  const tags = route.cache.cacheGroups ? groupTagsToInvalidate(exchange) : [];
  return purge(visit, urls, tags, planPostFill(visit, cached, origin));
}

async function purge(
  visit: Visit,
  urls: readonly string[],
  tags: readonly string[],
  fill: PostFill | null,
): Promise<Invalidation> {
  const { request, target, edge, snapshot } = visit;
  const keys = new Set(urls.flatMap((url) => keysOf(visit, url)));
  let isStored = false;
  const purges = [...keys].map(async (key) => {
    const command: UnstagedCommand =
      key === fill?.key ? fill : { type: 'purge', selector: { type: 'url', key } };
    const outcome = await edge.shards.write(snapshot.shardMap, key, edge.newRequestId(), command);
    if (outcome.type === 'result' && outcome.result.type === 'filled') isStored = true;
    edge.memory(snapshot.config.l1.bytesMax).forget(key, edge.now());
    return outcome.type === 'result';
  });
  if (tags.length > 0) purges.push(purgeTags(visit, tags));
  const confirmed = await within(Promise.all(purges), PURGE_WAIT_MS);
  if (confirmed?.every((isDone) => isDone)) return isStored ? 'done-and-stored' : 'done';
  edge.telemetry.event(
    {
      at: edge.now(),
      type: 'invalidation-not-confirmed',
      subject: target.canonicalUrl,
      detail: { method: request.method },
    },
    visit.context,
  );
  return 'not-confirmed';
}

/** Every shard may hold some of them: the coordinator sees it through. */
async function purgeTags({ edge, snapshot }: Visit, tags: readonly string[]): Promise<boolean> {
  const purgeId = edge.newRequestId();
  const nothingElse = { keys: [], prefixes: [], all: false, namespaces: [], soft: false };
  try {
    const { type, bookmarks } = await edge
      .purgeCoordinator()
      .purge({ purgeId, by: 'origin', tags, ...nothingElse });
    for (const [groupId, viewstamp] of Object.entries(bookmarks)) edge.shards.sawPurge(groupId, viewstamp);
    return type === 'done';
  } catch {
    return false;
  } finally {
    edge.memory(snapshot.config.l1.bytesMax).forgetAll(edge.now());
  }
}

function keysOf({ snapshot }: Visit, url: string): readonly string[] {
  const target = parseTarget(url);
  return target.type === 'target' ? keysOfUrl(snapshot.config, target) : [];
}

/** Spares the shards a write for every change of something that no route stores. */
function isCachedSomewhere({ route, snapshot, target }: Visit): boolean {
  if (route.cache.enabled) return true;
  const reading = routeTableOf(snapshot.config).match(target.host, target.path, 'GET');
  return reading?.cache.enabled ?? false;
}
