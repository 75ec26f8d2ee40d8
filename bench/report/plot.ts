// What a lab has to show, apart from how it is drawn: data, axes, and one sentence that says what there is to see.

export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** A linear axis of what has no meaning at 0. */
  readonly fitsData?: boolean;
  /** Drawn as a line across: a goal, or what is fair. */
  readonly mark?: { readonly value: number; readonly label: string };
}

/** A row for each thing, in it a dot for each series: read along the axis. */
export interface DotPlot {
  readonly kind: 'dots';
  readonly title: string;
  readonly sentence: string;
  readonly axis: Axis;
  readonly series: readonly string[];
  /** null = no such value. */
  readonly rows: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
}

export interface LinePlot {
  readonly kind: 'lines';
  readonly title: string;
  readonly sentence: string;
  readonly x: Axis;
  readonly y: Axis;
  /** At most as many as there are looks (looks.ts); points in the order of x. */
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly (readonly [x: number, y: number])[];
  }[];
}

export type Plot = DotPlot | LinePlot;
