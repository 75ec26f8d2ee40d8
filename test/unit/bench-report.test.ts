// The lab's page: that it is whole in one file, says what it shows, and can be read by everybody.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { describeEnvironment } from '../../bench/environment.ts';
import { LABS } from '../../bench/labs.ts';
import { row } from '../../bench/number-row.ts';
import { environmentText } from '../../bench/numbers-table.ts';
import { dotPlotSvg } from '../../bench/report/dot-plot.ts';
import { goalsPlot } from '../../bench/report/goals-plot.ts';
import { htmlReport } from '../../bench/report/html-report.ts';
import { LOOKS } from '../../bench/report/looks.ts';
import type { DotPlot, LinePlot } from '../../bench/report/plot.ts';
import { scaleOf, tickText } from '../../bench/report/scale.ts';
import { writeReport } from '../../bench/report/write-report.ts';

const dots: DotPlot = {
  kind: 'dots',
  title: 'A <plot>',
  sentence: 'b & c are alike.',
  axis: { label: 'ms', scale: 'log', mark: { value: 2, label: 'goal' } },
  series: ['one', 'two'],
  rows: [
    { label: 'b', values: [1, 10] },
    { label: 'c', values: [null, Number.NaN] },
    { label: 'd', values: [0, 100] },
  ],
};
const lines: LinePlot = {
  kind: 'lines',
  title: 'Lines',
  sentence: 'They rise.',
  x: { label: 'load', scale: 'linear' },
  y: { label: 'ms', scale: 'linear' },
  series: [
    {
      name: 'one',
      points: [
        [0, 1],
        [1, 5],
      ],
    },
  ],
};

const page = htmlReport(describeEnvironment({ seed: 42, quick: true }, []), [
  {
    name: 'planted',
    summary: 'a lab',
    plots: [dots, lines],
    numbers: [row('speed', 3, '×', '≥', 5)],
    table: 'a < b',
  },
]);

describe('the report', () => {
  it('needs nothing but itself', () => {
    expect(page).not.toMatch(/<script|<link|<img|@import|url\(|src=/);
    expect(page.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:\/\//);
  });

  it('has every plot as SVG with its sentence under it, and every text as text', () => {
    expect(page.match(/<svg /g)).toHaveLength(2);
    expect(page).toContain('</svg><figcaption>b &amp; c are alike.</figcaption>');
    expect(page).toContain('</svg><figcaption>They rise.</figcaption>');
    expect(page).toContain('A &lt;plot&gt;');
    expect(page).toContain('<pre>a &lt; b</pre>');
  });

  it('draws what has a place, and nothing else', () => {
    const [svg = ''] = page.match(/<svg .*?<\/svg>/s) ?? [];
    const titles = [...svg.matchAll(/<title>(.*?)<\/title>/g)].map(([, title]) => title);
    // One for each name in the legend; a log axis has no place for 0.
    expect(titles.sort()).toEqual(['b, one: 1', 'b, two: 10', 'd, two: 100', 'one', 'two']);
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('lets no label reach over the edge: a long one takes several lines', () => {
    const label =
      'ring: the share that is furthest from its target, 100 backends of weight 1–10, maxShare 1.05';
    const long = dotPlotSvg({ ...dots, rows: [...dots.rows, { label, values: [1, 2] }] });
    const texts = [...long.matchAll(/<text x="([\d.]+)"[^>]* text-anchor="end"[^>]*>([^<]*)</g)];
    const widest = Math.max(...texts.map(([, x, text = '']) => 6.9 * text.length - Number(x)));
    expect(widest).toBeLessThanOrEqual(0);
    const written = texts.map(([, , text]) => text).join(' ');
    expect(written).toContain(label);
    // Rows do not run into one another.
    const places = [...long.matchAll(/class="row"/g)];
    expect(places).toHaveLength(4);
    const ys = [...long.matchAll(/<line [^>]*y1="([\d.]+)"[^>]*class="row"/g)].map(([, y]) => Number(y));
    expect((ys[3] ?? 0) - (ys[2] ?? 0)).toBeGreaterThan(24);
  });

  it('says what was run, where and from which seed', () => {
    for (const fact of ['command', 'commit', 'versions', 'machine', 'load before', 'seed']) {
      expect(page).toContain(`<dt>${fact}</dt>`);
    }
    expect(page).toContain('<dd>42</dd>');
    expect(page).toContain(`node ${process.versions.node}`);
    expect(page).toContain('missed');
  });
});

describe('a busy machine', () => {
  it('is named with the figures, in the terminal and on the page', () => {
    const quiet = { ...describeEnvironment({ seed: 1, quick: true }, []), cores: 4, loadBefore: 1.9 };
    const busy = { ...quiet, loadBefore: 3.1 };
    expect([quiet, busy].map((one) => environmentText(one).includes('was busy before (load 3.1)'))).toEqual([
      false,
      true,
    ]);
    expect([quiet, busy].map((one) => htmlReport(one, []).includes('3.1, busy:'))).toEqual([false, true]);
  });
});

describe('the looks of series', () => {
  const channel = (hex: string) => {
    const value = Number.parseInt(hex, 16) / 255;
    return value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const luminance = (color: string) =>
    0.2126 * channel(color.slice(1, 3)) +
    0.7152 * channel(color.slice(3, 5)) +
    0.0722 * channel(color.slice(5, 7));
  const contrast = (a: string, b: string) => {
    const [dark = 0, light = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (light + 0.05) / (dark + 0.05);
  };

  it('stand out from the page in light and in dark (WCAG 1.4.11: 3 to 1)', () => {
    for (const { light, dark } of LOOKS) {
      expect(contrast(light, '#ffffff')).toBeGreaterThan(3);
      expect(contrast(dark, '#14171a')).toBeGreaterThan(3);
    }
  });

  it('differ by shape and dash for whoever sees no colours', () => {
    expect(new Set(LOOKS.map(({ shape }) => shape)).size).toBe(LOOKS.length);
    expect(new Set(LOOKS.map(({ dash }) => dash)).size).toBe(LOOKS.length);
  });
});

describe('a scale', () => {
  it('puts values between its ends, in order, and names round ones', () => {
    const linear = scaleOf({ label: '', scale: 'linear' }, [3, 99], 0, 100);
    expect(linear.ticks).toEqual([0, 20, 40, 60, 80, 100]);
    expect(linear.at(0)).toBe(0);
    // A little room is left at the end.
    expect(linear.at(99)).toBeCloseTo(100 / 1.03, 9);
    const log = scaleOf({ label: '', scale: 'log' }, [1, 100], 0, 100);
    expect(log.ticks).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(log.at(10)).toBeCloseTo(50, 9);
    // Where it is not even a factor of two, there are still some to read by.
    expect(scaleOf({ label: '', scale: 'log' }, [0.9, 1.2], 0, 100).ticks.length).toBeGreaterThan(3);
    expect(scaleOf({ label: '', scale: 'linear' }, [], 0, 100).at(Number.NaN)).toBeNaN();
  });

  it('has short words for its ticks', () => {
    expect([0.1 + 0.2, 1000, 25_000, 3e6, 2.5e9].map(tickText)).toEqual([
      '0.3',
      '1000',
      '25 k',
      '3 M',
      '2.5 G',
    ]);
  });
});

describe('a plot of goals', () => {
  it('turns every figure into times as good as asked for', () => {
    const plot = goalsPlot('Lab', [
      row('fast enough', 10, 'ms', '≤', 20),
      row('too little', 2, '×', '≥', 8),
      row('no goal', 1, 'ms'),
      row('nothing at all', 0, 'bytes', '≤', 0),
    ]);
    expect(plot?.rows).toEqual([
      { label: 'fast enough', values: [2] },
      { label: 'too little', values: [0.25] },
    ]);
    expect(plot?.sentence).toContain('2 of 3 goals are met');
    expect(plot?.sentence).toContain('Missed: too little.');
    expect(goalsPlot('Lab', [row('no goal', 1, 'ms')])).toBeNull();
  });
});

describe('npm run bench -- … --html', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'roundel-report-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const bench = (...args: string[]) =>
    spawnSync(process.execPath, ['bench/main.ts', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, INIT_CWD: folder },
    });

  it('writes one page, and the JSON beside it, where the caller stands', () => {
    const queues = [
      'queues',
      '--workload',
      'homogeneous,fails-fast',
      '--strategy',
      'random,least-requests',
      '--dispatchers',
      '1,3',
      '--requests',
      '1000',
    ];
    const { stderr, status } = bench(...queues, '--load', '0.5,0.6', '--seed', '9', '--html', 'out.html');
    expect(status, stderr).toBe(0);
    const html = readFileSync(join(folder, 'out.html'), 'utf8');
    const { rows, environment } = JSON.parse(readFileSync(join(folder, 'out.json'), 'utf8'));
    expect(rows).toHaveLength(2 * 2 * 4);
    expect(environment).toMatchObject({
      seed: 9,
      command:
        'npm run bench -- queues --workload homogeneous,fails-fast --strategy random,least-requests --dispatchers 1,3 --requests 1000 --load 0.5,0.6 --seed 9 --html out.html',
    });
    expect(html).toContain(environment.command);
    expect(html.match(/<figcaption>[A-Za-z].*?\.<\/figcaption>/g)?.length).toBe(html.match(/<svg /g)?.length);
    expect(html).not.toMatch(/NaN|undefined/);
  });

  it('says in one line when it cannot', () => {
    const environment = describeEnvironment({ seed: 1, quick: true }, []);
    const section = { name: 'planted', summary: '', plots: [], numbers: [], table: '' };
    expect(() =>
      writeReport(join(folder, 'none', 'out.html'), [{ section, report: { environment } }]),
    ).toThrow(/^Cannot write the report: ENOENT/);
  });

  it.each(['distribution', 'resilience'])('has a help for %s that names its workloads', (lab) => {
    const { stdout, status } = bench(lab, '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('\nWorkloads:\n');
    expect(stdout).toContain('--html <file>');
    for (const workload of LABS[lab]?.workloads ?? []) expect(stdout).toContain(workload.slice(0, 20));
  });
});
