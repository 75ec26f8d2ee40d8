// The house rules that no compiler setting expresses, as functions from source files to findings: the arrows between
// the rooms, no hidden time or chance in core/, and the habits that keep files findable.
import { posix } from 'node:path';

export interface SourceFile {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly path: string;
  readonly rule: string;
  readonly detail: string;
}

/** What each room may import, besides itself. A room is a top-level folder. */
const ARROWS: Record<string, readonly string[]> = {
  core: [],
  worker: ['core', 'durable-objects'],
  'durable-objects': ['core'],
  'origin-mock': [],
  bench: ['core', 'origin-mock'],
  linearize: [],
  // It judges what clients of the simulated cluster saw by the checker's pure part.
  simulate: ['core', 'linearize'],
  local: ['core', 'origin-mock'],
};

/** Packages that core may use: pure, and tried out in workerd. */
const CORE_PACKAGES = ['zod', 'structured-headers'];

/** Parts of core that must not know one another: they meet in compose.ts and in the Durable Objects. */
const SEPARATE_IN_CORE = ['replication', 'load-balancing', 'cache', 'config'];

const LINES_MAX = 400;

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

export function importsOf(text: string): Import[] {
  const imports: Import[] = [];
  const statement = /^\s*(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]/gm;
  for (const match of text.matchAll(statement)) {
    imports.push({ specifier: match[2] ?? '', typeOnly: match[1] !== undefined });
  }
  for (const match of text.matchAll(/\bimport\(\s*['"]([^'"]+)['"]\s*\)/g)) {
    imports.push({ specifier: match[1] ?? '', typeOnly: false });
  }
  return imports;
}

export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
}

function arrows(file: SourceFile): Finding[] {
  const room = file.path.split('/')[0] ?? '';
  const allowed = ARROWS[room];
  if (!allowed) return [];
  const findings: Finding[] = [];
  const refuse = (detail: string) => findings.push({ path: file.path, rule: 'arrow', detail });

  for (const { specifier, typeOnly } of importsOf(file.text)) {
    if (!specifier.startsWith('.')) {
      if (room === 'core' && !CORE_PACKAGES.includes(specifier)) refuse(`core may not use "${specifier}"`);
      continue;
    }
    const target = posix.normalize(posix.join(posix.dirname(file.path), specifier));
    const targetRoom = target.split('/')[0] ?? '';
    if (targetRoom === room) {
      if (room === 'core') {
        const from = file.path.split('/')[1] ?? '';
        const to = target.split('/')[1] ?? '';
        if (from !== to && SEPARATE_IN_CORE.includes(from) && SEPARATE_IN_CORE.includes(to)) {
          refuse(`core/${from} may not import core/${to}`);
        }
      }
    } else if (!allowed.includes(targetRoom)) {
      refuse(`${room} may not import ${targetRoom} (${specifier})`);
    } else if (room === 'worker' && targetRoom === 'durable-objects' && file.path !== 'worker/index.ts') {
      if (!typeOnly || !target.startsWith('durable-objects/interfaces/')) {
        refuse(`worker sees a Durable Object only as a type of durable-objects/interfaces (${specifier})`);
      }
    }
  }
  return findings;
}

const HIDDEN_INPUTS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\bDate\.now\b/, 'Date.now'],
  [/\bnew Date\(\s*\)/, 'new Date()'],
  [/\bDate\.parse\b/, 'Date.parse (accepts what the RFC refuses)'],
  [/\bMath\.random\b/, 'Math.random'],
  [/\bperformance\b/, 'performance'],
  [/\bglobalThis\b/, 'globalThis'],
  [/\bawait\b/, 'await'],
];

function hiddenInputs(file: SourceFile): Finding[] {
  if (!file.path.startsWith('core/')) return [];
  const code = withoutComments(file.text);
  return HIDDEN_INPUTS.filter(([pattern]) => pattern.test(code)).map(([, what]) => ({
    path: file.path,
    rule: 'pure-core',
    detail: `core may not use ${what}: time and chance are arguments`,
  }));
}

function habits(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const refuse = (rule: string, detail: string) => findings.push({ path: file.path, rule, detail });
  const name = posix.basename(file.path);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.(ts|mjs|tsx|d\.ts)$/.test(name))
    refuse('name', 'not kebab-case');
  if (!/^(#!.*\n)?(\/\/|\/\*)/.test(file.text))
    refuse('header', 'no comment at the top says what the file is for');
  const lines = file.text.split('\n').length;
  if (!file.path.startsWith('test/') && lines > LINES_MAX) {
    refuse('size', `${lines} lines, more than ${LINES_MAX}: which second idea moved in?`);
  }
  if (file.path.startsWith('test/') && !/\btidy\b/.test(file.path)) {
    const code = withoutComments(file.text);
    if (/node:timers\/promises|\bscheduler\.wait\b|setTimeout\((resolve|r|done)\b/.test(code)) {
      // One helper may wait: it polls a condition until a deadline.
      if (!file.path.startsWith('test/support/')) refuse('sleep', 'tests wait for a condition, not for time');
    }
    if (/\bMath\.random\b/.test(code)) refuse('chance', 'tests use seeded chance only');
    if (/\b(it|test|describe)\.only\b/.test(code)) refuse('focus', 'a focused test hides the others');
    if (/\b(it|test|describe)\.skip\(/.test(code)) refuse('skip', 'skip with skipIf and a reason');
  }
  return findings;
}

/** Paths of one machine and download addresses do not belong into a repository; works on any text file. */
export function leaks(file: SourceFile): Finding[] {
  const findings: Finding[] = [];
  const machinePath = /(^|[^A-Za-z0-9_.~:/-])\/(home|root|Users|mnt)\/[A-Za-z._-]/m.exec(file.text);
  if (machinePath)
    findings.push({ path: file.path, rule: 'leak', detail: `path of one machine: ${machinePath[0]}` });
  if (file.path.endsWith('package-lock.json') && file.text.includes('"resolved"')) {
    findings.push({ path: file.path, rule: 'leak', detail: 'the lock file names download addresses' });
  }
  return findings;
}

/** Relative links in Markdown must lead to a file that is there. */
export function brokenLinks(file: SourceFile, exists: (path: string) => boolean): Finding[] {
  const findings: Finding[] = [];
  const text = file.text.replace(/```[\s\S]*?```/g, '');
  for (const match of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    const link = match[1] ?? '';
    if (/^[a-z]+:/.test(link) || link.startsWith('#')) continue;
    const target = posix.normalize(posix.join(posix.dirname(file.path), link.split('#')[0] ?? ''));
    if (!exists(target)) findings.push({ path: file.path, rule: 'link', detail: `leads nowhere: ${link}` });
  }
  return findings;
}

/** All findings for one source file. O(length). */
export function untidiness(file: SourceFile): Finding[] {
  return [...arrows(file), ...hiddenInputs(file), ...habits(file)];
}
