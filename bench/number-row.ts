// One figure of the design, as measured, beside its goal.

export interface NumberRow {
  readonly figure: string;
  readonly measured: number;
  readonly unit: '×' | 'ratio' | 'ns' | 'µs' | 'ms' | 'bytes' | 'count' | '/s';
  /** Null: no goal of its own, stands beside the others to explain them. */
  readonly goal: { readonly relation: '≤' | '≥'; readonly value: number } | null;
  readonly met: boolean | null;
}

/** Without a relation and a value there is no goal. */
export function row(
  figure: string,
  measured: number,
  unit: NumberRow['unit'],
  relation?: '≤' | '≥',
  value?: number,
): NumberRow {
  if (relation === undefined || value === undefined) return { figure, measured, unit, goal: null, met: null };
  const met = relation === '≤' ? measured <= value : measured >= value;
  return { figure, measured, unit, goal: { relation, value }, met };
}

export function bytesText(count: number): string {
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e3).toFixed(0)} kB`;
}

/** With its unit, for people. */
export function figureText(value: number, unit: NumberRow['unit']): string {
  if (unit === 'bytes') return value === 0 ? '0' : bytesText(value);
  if (unit === 'ratio') return value.toFixed(4);
  if (unit === 'count') return value.toFixed(0);
  return `${value.toFixed(value < 10 ? 2 : 0)} ${unit}`;
}
