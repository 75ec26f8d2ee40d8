// The replay's report for people.
import Table from 'cli-table3';
import { bytesText } from '../number-row.ts';
import { environmentText, PLAIN } from '../numbers-table.ts';
import type { Hot, ReplayedPoolReport, ReplayReport } from './run-replay.ts';

const percent = (ratio: number): string => `${(100 * ratio).toFixed(2)} %`;
const ROWS_MAX = 50;

function tableOf(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    ...PLAIN,
    colAligns: head.map((_, i) => (i === 0 ? ('left' as const) : ('right' as const))),
  });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

/** Long keys would make a table that fits no terminal. */
const cut = (key: string): string => (key.length > 70 ? `${key.slice(0, 69)}…` : key);

function poolText({ pool, strategy, requests, keys, backends, unserved }: ReplayedPoolReport): string {
  const sorted = [...backends].sort((a, b) => b.share - a.share);
  const rows = sorted
    .slice(0, ROWS_MAX)
    .map(({ id, requests: own, share, fairShare, bytes }) => [
      id,
      String(own),
      percent(share),
      percent(fairShare),
      fairShare === 0 ? '–' : `${(share / fairShare).toFixed(2)} ×`,
      bytesText(bytes),
    ]);
  const rest = sorted.length > ROWS_MAX ? `\n(and ${sorted.length - ROWS_MAX} more backends)` : '';
  const none = unserved === 0 ? '' : `, ${unserved} for which no backend may take any`;
  return (
    `\nPool ${pool}, ${strategy}: ${requests} requests, ${keys} distinct keys${none}\n` +
    tableOf(['backend', 'requests', 'share', 'by weight', 'of it', 'bytes'], rows) +
    rest
  );
}

function hotText(title: string, hot: readonly (Hot & { readonly backend?: string | null })[]): string {
  const hasBackend = hot.some(({ backend }) => backend);
  return (
    `\n${title}\n` +
    tableOf(
      ['key', 'requests', 'share', ...(hasBackend ? ['backend'] : [])],
      hot.map(({ key, requests, share, backend }) => [
        cut(key),
        String(requests),
        percent(share),
        ...(hasBackend ? [backend ?? '–'] : []),
      ]),
    )
  );
}

export function replayTable(report: ReplayReport): string {
  const { config, accessLog, against, requests, unrouted, skipped, pools, hotUrls, cache, moved } = report;
  const parts = [
    `Replay: ${requests} requests of ${accessLog} against ${config}; all backends well and idle.`,
    environmentText(report.environment),
  ];
  if (unrouted > 0) parts.push(`Left out, as no route takes them: ${unrouted}.`);
  if (skipped.requests > 0)
    parts.push(`Left out, as they are no requests: ${skipped.requests}, the first on ${skipped.first}.`);
  for (const pool of pools) {
    parts.push(poolText(pool));
    if (pool.hotKeys.length > 0) parts.push(hotText(`Hottest keys of pool ${pool.pool}`, pool.hotKeys));
  }
  parts.push(hotText('Hottest URLs', hotUrls));
  if (cache) {
    parts.push(
      `\nCache: ${cache.requests} requests that could be cached, ${cache.objects} objects of ${bytesText(cache.distinctBytes)}, if all stays fresh`,
      tableOf(
        ['capacity', 'bytes', 'hits', 'of bytes'],
        cache.sizes.map(({ capacity, bytes, hitRatio, byteHitRatio }) => [
          capacity,
          bytesText(bytes),
          percent(hitRatio),
          percent(byteHitRatio),
        ]),
      ),
    );
  } else parts.push('\nCache: no route caches any of it.');
  if (moved) {
    parts.push(
      `\nMoved by ${against}`,
      tableOf(
        ['pool', 'keys', 'moved', 'requests', 'moved', 'placed by chance'],
        moved.map((row) => [
          row.pool,
          String(row.keys),
          percent(row.keysMovedRatio),
          String(row.requests),
          percent(row.requestsMovedRatio),
          String(row.unpinned),
        ]),
      ),
    );
  }
  return parts.join('\n');
}
