// A dot plot after Cleveland: what is compared stands in rows, and a place on one axis says how much.
import type { DotPlot } from './plot.ts';
import { scaleOf, tickText } from './scale.ts';
import { axisBelow, dot, legend, line, svg, text, WIDTH } from './svg.ts';

const ROW = 24;
const CHARACTER = 6.9;

export function dotPlotSvg({ title, axis, series, rows }: DotPlot): string {
  const longest = Math.max(0, ...rows.map(({ label }) => label.length));
  const left = Math.min(WIDTH / 2, 14 + CHARACTER * longest);
  const right = WIDTH - 20;
  const names = series.length > 1 ? legend(series, 12) : { svg: '', height: 0 };
  const top = names.height + (axis.mark ? 30 : 12);
  const bottom = top + ROW * rows.length;
  const values = rows.flatMap((row) => row.values.filter((value) => value !== null));
  const scale = scaleOf(axis, values, left + 10, right);
  const isDrawn = (value: number) => Number.isFinite(value) && (axis.scale === 'linear' || value > 0);

  const drawn = rows.map((row, i) => {
    const y = top + ROW * (i + 0.5);
    const known = row.values.flatMap((value, k) => (value !== null && isDrawn(value) ? [{ value, k }] : []));
    const places = known.map(({ value }) => scale.at(value));
    const span = known.length > 1 ? line(Math.min(...places), y, Math.max(...places), y, 'span') : '';
    const dots = known.map(({ value, k }) =>
      dot(scale.at(value), y, k, `${row.label}, ${series[k] ?? ''}: ${tickText(value)}`),
    );
    // The first series lies on top: where dots meet, it is the one that is looked for.
    return (
      text(left, y + 4, row.label, 'end') +
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
