// Pieces that all plots are made of. Sizes are in pixels; colours come from the page, so that one drawing serves in light
// and in dark.
import { lookOf } from './looks.ts';
import type { Axis } from './plot.ts';
import { type Scale, tickText } from './scale.ts';

export const WIDTH = 760;

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

const place = (value: number): string => value.toFixed(1);

export function text(
  x: number,
  y: number,
  content: string,
  anchor: 'start' | 'middle' | 'end',
  name = '',
): string {
  const style = name === '' ? '' : ` class="${name}"`;
  return `<text x="${place(x)}" y="${place(y)}" text-anchor="${anchor}"${style}>${escaped(content)}</text>`;
}

export function line(x1: number, y1: number, x2: number, y2: number, name: string): string {
  return `<line x1="${place(x1)}" y1="${place(y1)}" x2="${place(x2)}" y2="${place(y2)}" class="${name}"/>`;
}

export function dot(x: number, y: number, series: number, title: string): string {
  const { shape } = lookOf(series);
  return `<g class="s${series}" transform="translate(${place(x)} ${place(y)})"><title>${escaped(title)}</title>${shape}</g>`;
}

/** Ticks, grid and label of the axis below; `top` and `bottom` are the plot's. */
export function axisBelow(
  axis: Axis,
  scale: Scale,
  left: number,
  right: number,
  top: number,
  bottom: number,
): string {
  const parts = scale.ticks.map((tick) => {
    const x = scale.at(tick);
    return line(x, top, x, bottom, 'grid') + text(x, bottom + 16, tickText(tick), 'middle', 'tick');
  });
  if (axis.mark) {
    const x = scale.at(axis.mark.value);
    const anchor = x > (left + right) / 2 ? 'end' : 'start';
    parts.push(line(x, top - 4, x, bottom, 'mark'));
    parts.push(text(x, top - 8, axis.mark.label, anchor, 'mark-label'));
  }
  parts.push(text((left + right) / 2, bottom + 36, axis.label, 'middle', 'label'));
  return parts.join('');
}

/** In rows as wide as the plot; returns its height. */
export function legend(
  names: readonly string[],
  y: number,
): { readonly svg: string; readonly height: number } {
  const parts: string[] = [];
  let x = 8;
  let row = 0;
  for (const [i, name] of names.entries()) {
    const width = 26 + 7.2 * name.length;
    if (x + width > WIDTH && x > 8) {
      x = 8;
      row++;
    }
    parts.push(dot(x + 6, y + 20 * row, i, name), text(x + 17, y + 4 + 20 * row, name, 'start'));
    x += width;
  }
  return { svg: parts.join(''), height: 20 * (row + 1) };
}

export function svg(height: number, title: string, content: string): string {
  return (
    `<svg viewBox="0 0 ${WIDTH} ${place(height)}" role="img" aria-label="${escaped(title)}" ` +
    `xmlns="http://www.w3.org/2000/svg">${content}</svg>`
  );
}
