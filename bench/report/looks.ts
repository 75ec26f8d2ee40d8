// How series are told apart: each by a colour (after Okabe and Ito, darkened or lightened until it stands out from the
// page), by a shape, and in lines by a dash: whoever sees no colours has the others.

export interface Look {
  readonly light: string;
  readonly dark: string;
  readonly dash: string;
  /** Around (0, 0), of about 9 pixels. */
  readonly shape: string;
}

export const LOOKS: readonly Look[] = [
  { light: '#0072b2', dark: '#56b4e9', dash: '', shape: '<circle r="4.5"/>' },
  { light: '#c44e00', dark: '#ff9a5c', dash: '7 3', shape: '<rect x="-4" y="-4" width="8" height="8"/>' },
  { light: '#00795a', dark: '#3ccf9f', dash: '2 3', shape: '<path d="M0-5.5 5 4-5 4Z"/>' },
  { light: '#a0437f', dark: '#eba3cf', dash: '9 3 2 3', shape: '<path d="M0-5.8 5.8 0 0 5.8-5.8 0Z"/>' },
  { light: '#7d6200', dark: '#f0d04b', dash: '4 2', shape: '<path d="M-5-3.5 5-3.5 0 5.5Z"/>' },
  {
    light: '#4a4a4a',
    dark: '#d0d0d0',
    dash: '1 2',
    shape: '<path d="M-4.5-4.5 4.5 4.5M-4.5 4.5 4.5-4.5" class="stroke"/>',
  },
];

export function lookOf(series: number): Look {
  const look = LOOKS[series];
  if (!look) throw new Error(`Cannot draw series ${series + 1} of a plot: there are ${LOOKS.length} looks`);
  return look;
}

/** Classes s0, s1, …: fill and stroke of each series; the page says which scheme holds. */
export function lookRules(scheme: 'light' | 'dark'): string {
  return LOOKS.map((look, i) => `.s${i}{fill:${look[scheme]};stroke:${look[scheme]}}`).join('');
}
