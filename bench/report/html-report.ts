// One page that needs nothing else: plots with a sentence under each, the figures beside their goals, and what was run
// where. It follows the reader's light or dark scheme.
import { type Environment, wasBusy } from '../environment.ts';
import { figureText, type NumberRow } from '../number-row.ts';
import { dotPlotSvg } from './dot-plot.ts';
import { linePlotSvg } from './line-plot.ts';
import { lookRules } from './looks.ts';
import type { Plot } from './plot.ts';
import { escaped } from './svg.ts';

export interface Section {
  /** The lab's name. */
  readonly name: string;
  readonly summary: string;
  readonly plots: readonly Plot[];
  readonly numbers: readonly NumberRow[];
  /** As in the terminal: every figure, for whoever wants to read rather than look. */
  readonly table: string;
}

const STYLE = `
:root{color-scheme:light dark;--page:#fff;--ink:#1b1b1b;--soft:#5a5a5a;--grid:#e4e4e4;--mark:#8a1c1c}
body{background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:800px;padding:24px 20px 60px}
h1{font-size:26px;margin:0 0 4px}h2{font-size:21px;margin:48px 0 4px;border-top:1px solid var(--grid);padding-top:20px}h3{font-size:16px;margin:28px 0 6px}
p{margin:4px 0 12px}.soft,figcaption,dt{color:var(--soft)}
figure{margin:0}figcaption{font-size:14px;margin-top:2px}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg .tick,svg .label{fill:var(--soft)}
svg .grid,svg .row{stroke:var(--grid);stroke-width:1}svg .row{stroke-dasharray:1 3}
svg .span{stroke:var(--soft);stroke-width:1;opacity:.55}
svg .mark{stroke:var(--mark);stroke-width:1.5}svg .mark-label{fill:var(--mark)}
svg .line{fill:none;stroke-width:2}svg g{stroke-width:0}svg .stroke{fill:none;stroke-width:2}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:12px 0}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;font-size:14px;width:100%}td,th{border-bottom:1px solid var(--grid);padding:4px 8px;text-align:right}td:first-child,th:first-child{text-align:left;padding-left:0}
.missed{color:var(--mark);font-weight:600}
details{margin:14px 0}summary{cursor:pointer;color:var(--soft)}
pre,.scroll{overflow-x:auto}pre{font:11px/1.25 ui-monospace,monospace}
${lookRules('light')}
@media (prefers-color-scheme:dark){:root{--page:#14171a;--ink:#e8e8e8;--soft:#a9adb2;--grid:#2f3439;--mark:#ff8f8f}${lookRules('dark')}}
`;

const plotSvg = (plot: Plot): string => (plot.kind === 'dots' ? dotPlotSvg(plot) : linePlotSvg(plot));

function figure(plot: Plot): string {
  return `<h3>${escaped(plot.title)}</h3><figure>${plotSvg(plot)}<figcaption>${escaped(plot.sentence)}</figcaption></figure>`;
}

function numbersHtml(numbers: readonly NumberRow[]): string {
  if (numbers.length === 0) return '';
  const rows = numbers.map(({ figure: name, measured, unit, goal, met }) => {
    const asked = goal ? `${goal.relation} ${figureText(goal.value, unit)}` : '';
    const verdict = met === null ? '' : met ? 'met' : '<span class="missed">missed</span>';
    const cells = [escaped(name), escaped(figureText(measured, unit)), escaped(asked), verdict];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return `<details><summary>Figures and goals</summary><div class="scroll"><table><tr><th>figure</th><th>measured</th><th>goal</th><th></th></tr>${rows.join('')}</table></div></details>`;
}

function section({ name, summary, plots, numbers, table }: Section): string {
  return (
    `<section id="${escaped(name)}"><h2>${escaped(name)}</h2><p class="soft">${escaped(summary)}</p>` +
    plots.map(figure).join('') +
    numbersHtml(numbers) +
    `<details><summary>Everything, as in the terminal</summary><pre>${escaped(table)}</pre></details></section>`
  );
}

function environmentHtml(environment: Environment): string {
  const { commit, versions, cores, cpu, at, seed, quick, command, loadBefore } = environment;
  const busy = wasBusy(environment) ? ', busy: what a clock measured says little' : '';
  const facts: readonly (readonly [string, string])[] = [
    ['command', command],
    ['commit', commit ?? 'unknown'],
    [
      'versions',
      Object.entries(versions)
        .map((pair) => pair.join(' '))
        .join(', '),
    ],
    ['machine', `${cores} cores, ${cpu}`],
    ['load before', `${loadBefore.toFixed(1)}${busy}`],
    ['seed', String(seed)],
    ['length', quick ? 'quick' : 'full'],
    ['at', at],
  ];
  return `<dl>${facts.map(([name, value]) => `<dt>${name}</dt><dd>${escaped(value)}</dd>`).join('')}</dl>`;
}

/** @param environment of the run: of its first lab, with the versions of all. */
export function htmlReport(environment: Environment, sections: readonly Section[]): string {
  const title = `Roundel: ${sections.map(({ name }) => name).join(', ')}`;
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    `<title>${escaped(title)}</title><style>${STYLE}</style></head><body><h1>${escaped(title)}</h1>` +
    '<p class="soft">Every figure comes from the command below. With the same seed, simulated figures come out the same; measured ones differ from run to run.</p>' +
    environmentHtml(environment) +
    sections.map(section).join('') +
    '</body></html>\n'
  );
}
