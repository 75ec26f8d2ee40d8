// What a replay shows as plots.
import type { Plot } from '../report/plot.ts';
import type { Hot, ReplayedPoolReport, ReplayReport } from './run-replay.ts';

const ROWS_MAX = 40;
const LABEL_MAX = 48;

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
const cut = (label: string): string =>
  label.length > LABEL_MAX ? `${label.slice(0, LABEL_MAX - 1)}…` : label;

function sharesPlot({ pool, strategy, backends }: ReplayedPoolReport): Plot {
  const sorted = [...backends].sort((a, b) => b.share - a.share).slice(0, ROWS_MAX);
  const [first] = sorted;
  return {
    kind: 'dots',
    title: `Pool ${pool}: share of each backend (${strategy})`,
    sentence: first
      ? `${first.id} gets most, ${percent(first.share)} of the requests; by its weight it would be ${percent(first.fairShare)}.`
      : 'The pool has no backends.',
    axis: { label: 'share of the requests', scale: 'linear' },
    series: ['requests', 'by weight'],
    rows: sorted.map(({ id, share, fairShare }) => ({ label: cut(id), values: [share, fairShare] })),
  };
}

function hotPlot(title: string, what: string, hot: readonly Hot[]): Plot[] {
  const [first] = hot;
  if (!first) return [];
  const together = hot.reduce((sum, { share }) => sum + share, 0);
  return [
    {
      kind: 'dots',
      title,
      sentence: `The hottest ${what} is in ${percent(first.share)} of the requests, the first ${hot.length} together in ${percent(together)}.`,
      axis: { label: 'share of the requests', scale: 'linear' },
      series: ['requests'],
      rows: hot.map(({ key, share }) => ({ label: cut(key), values: [share] })),
    },
  ];
}

export function replayPlots({ pools, hotUrls, cache, moved }: ReplayReport): Plot[] {
  const plots = pools.flatMap((pool) => [
    sharesPlot(pool),
    ...hotPlot(`Pool ${pool.pool}: hottest keys`, 'key', pool.hotKeys),
  ]);
  plots.push(...hotPlot('Hottest URLs', 'URL', hotUrls));
  if (cache && cache.sizes.length > 1) {
    const [first] = cache.sizes;
    const last = cache.sizes.at(-1);
    plots.push({
      kind: 'lines',
      title: 'Hits by size of the cache',
      sentence: `Room for ${first?.capacity} of the bytes answers ${percent(first?.hitRatio ?? 0)} of the requests, for ${last?.capacity} ${percent(last?.hitRatio ?? 0)}, if all stays fresh.`,
      x: { label: 'room, bytes', scale: 'log' },
      y: { label: 'share answered from the cache', scale: 'linear' },
      series: [
        { name: 'requests', points: cache.sizes.map(({ bytes, hitRatio }) => [bytes, hitRatio]) },
        { name: 'bytes', points: cache.sizes.map(({ bytes, byteHitRatio }) => [bytes, byteHitRatio]) },
      ],
    });
  }
  if (moved && moved.length > 0) {
    const most = moved.reduce((a, b) => (b.keysMovedRatio > a.keysMovedRatio ? b : a));
    plots.push({
      kind: 'dots',
      title: 'Moved by the second configuration',
      sentence: `Most moves in pool ${most.pool}: ${percent(most.keysMovedRatio)} of its keys, ${percent(most.requestsMovedRatio)} of its requests.`,
      axis: { label: 'share that goes elsewhere', scale: 'linear' },
      series: ['keys', 'requests'],
      rows: moved.map((row) => ({
        label: cut(row.pool),
        values: [row.keysMovedRatio, row.requestsMovedRatio],
      })),
    });
  }
  return plots;
}
