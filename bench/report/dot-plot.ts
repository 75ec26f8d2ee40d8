// A dot plot after Cleveland: what is compared stands in rows, and a place on one axis says how much.
import type { DotPlot } from './plot.ts';
import { scaleOf, tickText } from './scale.ts';
import { axisBelow, dot, legend, line, svg, text, WIDTH } from './svg.ts';

const ROW = 24;
/** More for each further line of a label. */
const LINE = 14;
const CHARACTER = 6.9;
/** Labels take no more than this part of the width, in as many lines as they need. */
const LABEL_WIDTH = WIDTH / 2 - 14;

export function dotPlotSvg({ title, axis, series, rows }: DotPlot): string {
  const labels = rows.map(({ label }) => linesOf(label, Math.floor(LABEL_WIDTH / CHARACTER)));
  const longest = Math.max(0, ...labels.flat().map((part) => part.length));
  const left = 14 + CHARACTER * longest;
  const right = WIDTH - 20;
  const names = series.length > 1 ? legend(series, 12) : { svg: '', height: 0 };
  const top = names.height + (axis.mark ? 30 : 12);
  const heights = labels.map((parts) => ROW + LINE * (parts.length - 1));
  const ends = heights.map((_, i) => heights.slice(0, i + 1).reduce((sum, height) => sum + height, top));
  const bottom = ends.at(-1) ?? top;
  const values = rows.flatMap((row) => row.values.filter((value) => value !== null));
  const scale = scaleOf(axis, values, left + 10, right);
  const isDrawn = (value: number) => Number.isFinite(value) && (axis.scale === 'linear' || value > 0);

  const drawn = rows.map((row, i) => {
    const y = (ends[i] ?? top) - (heights[i] ?? ROW) / 2;
    const parts = labels[i] ?? [];
    const firstY = y + 4 - (LINE * (parts.length - 1)) / 2;
    const known = row.values.flatMap((value, k) => (value !== null && isDrawn(value) ? [{ value, k }] : []));
    const places = known.map(({ value }) => scale.at(value));
    const span = known.length > 1 ? line(Math.min(...places), y, Math.max(...places), y, 'span') : '';
    const dots = known.map(({ value, k }) =>
      dot(scale.at(value), y, k, `${row.label}, ${series[k] ?? ''}: ${tickText(value)}`),
    );
    // The first series lies on top: where dots meet, it is the one that is looked for.
    return (
      parts.map((part, k) => text(left, firstY + LINE * k, part, 'end')).join('') +
      line(left + 10, y, right, y, 'row') +
      span +
      dots.reverse().join('')
    );
  });
  return svg(
    bottom + 44,
    title,
    names.svg + axisBelow(axis, scale, left + 10, right, top, bottom) + drawn.join(''),
  );
}

/** At spaces, each line of at most so many characters; a word that is longer stays whole. */
function linesOf(label: string, characters: number): string[] {
  const lines: string[] = [];
  for (const word of label.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= characters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
