// From values to places on an axis, and which values to name there.
import type { Axis } from './plot.ts';

export interface Scale {
  /** In pixels, from `from` to `to`; what is outside is moved to the edge. */
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** 1, 2 or 5 times a power of ten, so that there are at most `count` of them. */
function stepFor(span: number, count: number): number {
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return ([1, 2, 5, 10].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10) * power;
}

function linearTicks(min: number, max: number): number[] {
  const step = stepFor(max - min, 8);
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function logTicks(min: number, max: number): number[] {
  const decades = Math.log10(max / min);
  // So little that round factors would be one, or none.
  if (decades < 0.5) return linearTicks(min, max);
  const factors =
    decades > 5 ? [1] : decades > 2.5 ? [1, 3] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 8];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++) {
    for (const factor of factors) {
      const value = Number((factor * 10 ** power).toPrecision(12));
      if (value >= min * (1 - 1e-9) && value <= max * (1 + 1e-9)) ticks.push(value);
    }
  }
  return ticks;
}

/** A log axis leaves out what is not above 0; a linear one begins at 0 unless the axis says otherwise. */
export function scaleOf(
  { scale, mark, fitsData = false }: Axis,
  values: readonly number[],
  from: number,
  to: number,
): Scale {
  const isLog = scale === 'log';
  const shown = [...values, ...(mark ? [mark.value] : [])].filter(
    (value) => Number.isFinite(value) && (!isLog || value > 0),
  );
  let min = shown.length === 0 ? 1 : Math.min(...shown);
  let max = shown.length === 0 ? 1 : Math.max(...shown);
  if (isLog) {
    const room = Math.max(1.05, (max / min) ** 0.04);
    min /= room;
    max *= room;
  } else {
    const room = fitsData ? 0.04 * (max - min) : 0;
    min = fitsData ? min - room : Math.min(0, min);
    max = max > min ? max + (fitsData ? room : 0.03 * (max - min)) : min + 1;
  }
  const place = isLog
    ? (value: number) => Math.log(value / min) / Math.log(max / min)
    : (value: number) => (value - min) / (max - min);
  return {
    at: (value) => from + (to - from) * Math.min(1, Math.max(0, place(value))),
    ticks: isLog ? logTicks(min, max) : linearTicks(min, max),
  };
}

/** Short, with the units of thousands. */
export function tickText(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(3))} G`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}
