// One figure of the design, as measured, beside its goal.

export interface NumberRow {
  readonly figure: string;
  readonly measured: number;
  readonly unit: '×' | 'ratio' | 'ns' | 'ms' | 'bytes';
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
