// Lines over a quantity that grows: a colour, a shape and a dash for each series.
import { lookOf } from './looks.ts';
import type { LinePlot } from './plot.ts';
import { scaleOf, tickText } from './scale.ts';
import { axisBelow, dot, legend, line, svg, text, WIDTH } from './svg.ts';

const HEIGHT = 300;
const LEFT = 64;

export function linePlotSvg({ title, x, y, series }: LinePlot): string {
  const names = legend(
    series.map(({ name }) => name),
    12,
  );
  const top = names.height + 30;
  const bottom = top + HEIGHT;
  const right = WIDTH - 20;
  const points = series.flatMap((one) => one.points);
  const xScale = scaleOf(
    x,
    points.map(([value]) => value),
    LEFT,
    right,
  );
  const yScale = scaleOf(
    y,
    points.map(([, value]) => value),
    bottom,
    top,
  );
  const ticks = yScale.ticks.map(
    (tick) =>
      line(LEFT, yScale.at(tick), right, yScale.at(tick), 'grid') +
      text(LEFT - 8, yScale.at(tick) + 4, tickText(tick), 'end', 'tick'),
  );
  const mark = y.mark
    ? line(LEFT, yScale.at(y.mark.value), right, yScale.at(y.mark.value), 'mark') +
      text(right, yScale.at(y.mark.value) - 5, y.mark.label, 'end', 'mark-label')
    : '';
  const lines = series.map(({ name, points: own }, i) => {
    const places = own.map(([a, b]) => [xScale.at(a), yScale.at(b)] as const);
    const path = places.map(([a, b], k) => `${k === 0 ? 'M' : 'L'}${a.toFixed(1)} ${b.toFixed(1)}`).join('');
    const dash = lookOf(i).dash;
    return (
      `<path d="${path}" class="s${i} line"${dash ? ` stroke-dasharray="${dash}"` : ''}/>` +
      own
        .map(([a, b], k) =>
          dot(places[k]?.[0] ?? 0, places[k]?.[1] ?? 0, i, `${name}, ${tickText(a)}: ${tickText(b)}`),
        )
        .join('')
    );
  });
  return svg(
    bottom + 44,
    title,
    names.svg +
      text(8, top - 12, y.label, 'start', 'label') +
      axisBelow(x, xScale, LEFT, right, top, bottom) +
      ticks.join('') +
      mark +
      lines.join(''),
  );
}
