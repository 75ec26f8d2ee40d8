// The house rules, applied to every file of the repository; and planted violations that show that they bite.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { brokenLinks, leaks, type SourceFile, untidiness, withoutComments } from './support/tidy-rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const listed = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
});
const paths = listed.stdout.split('\n').filter((path) => path !== '' && existsSync(join(root, path)));
const read = (path: string): SourceFile => ({ path, text: readFileSync(join(root, path), 'utf8') });
const sources = paths.filter((path) => /\.(ts|mjs|tsx)$/.test(path)).map(read);
const texts = paths
  .filter((path) => /\.(ts|mjs|tsx|md|json|toml|yml|html|css)$|(^|\/)run$/.test(path))
  .map(read);

describe('the house is tidy', () => {
  it('finds its files', () => {
    expect(listed.status, listed.stderr).toBe(0);
    expect(sources.some((file) => file.path === 'worker/env.ts')).toBe(true);
  });

  it('keeps the arrows, the purity of core and the habits of style', () => {
    expect(sources.flatMap(untidiness)).toEqual([]);
  });

  it('names no machine and no download address', () => {
    expect(texts.filter((file) => file.path !== 'test/tidy.test.ts').flatMap(leaks)).toEqual([]);
  });

  it('has no Markdown link that leads nowhere', () => {
    const documents = texts.filter((file) => file.path.endsWith('.md'));
    expect(documents.flatMap((file) => brokenLinks(file, (path) => existsSync(join(root, path))))).toEqual(
      [],
    );
  });
});

describe('the rules bite', () => {
  const rulesBroken = (path: string, code: string) =>
    untidiness({ path, text: `// Planted.\n${code}\n` }).map((finding) => finding.rule);

  it('refuses a reversed arrow', () => {
    expect(rulesBroken('core/cache/planted.ts', "import { env } from '../../worker/env.ts';")).toEqual([
      'arrow',
    ]);
    expect(
      rulesBroken('core/cache/planted.ts', "export * from '../../durable-objects/directory.ts';"),
    ).toEqual(['arrow']);
    expect(rulesBroken('durable-objects/planted.ts', "import type { Env } from '../worker/env.ts';")).toEqual(
      ['arrow'],
    );
    expect(
      rulesBroken('origin-mock/planted.ts', "import { hashKey } from '../core/sharding/key-hash.ts';"),
    ).toEqual(['arrow']);
    expect(
      rulesBroken('linearize/planted.ts', "import { step } from '../core/replication/step.ts';"),
    ).toEqual(['arrow']);
    expect(rulesBroken('core/planted.ts', "const x = import('hono');")).toEqual(['arrow']);
  });

  it('refuses neighbours in core that must not know one another', () => {
    expect(
      rulesBroken('core/replication/planted.ts', "import type { Config } from '../config/schema.ts';"),
    ).toEqual(['arrow']);
    expect(rulesBroken('core/replication/planted.ts', "import { x } from '../sharding/x.ts';")).toEqual([]);
  });

  it('lets the Worker see a Durable Object as a type only', () => {
    const asType = "import type { DirectoryRpc } from '../durable-objects/interfaces/directory.ts';";
    expect(rulesBroken('worker/planted.ts', asType)).toEqual([]);
    expect(rulesBroken('worker/planted.ts', asType.replace('import type', 'import'))).toEqual(['arrow']);
    expect(
      rulesBroken('worker/planted.ts', "import { Directory } from '../durable-objects/directory.ts';"),
    ).toEqual(['arrow']);
  });

  it.each([
    'export const now = Date.now();',
    'export const now = new Date();',
    'export const chance = Math.random();',
    'export const at = Date.parse("Sun, 06 Nov 1994 08:49:37 GMT");',
    'export async function f(x: Promise<void>) { await x; }',
  ])('refuses hidden time and chance in core: %s', (code) => {
    expect(rulesBroken('core/cache/planted.ts', code)).toEqual(['pure-core']);
    expect(rulesBroken('core/cache/planted.ts', `// ${code}`)).toEqual([]);
  });

  it('refuses crowded, nameless and headless files', () => {
    expect(rulesBroken('worker/planted.ts', '\n'.repeat(400))).toEqual(['size']);
    expect(rulesBroken('worker/PlantedFile.ts', '')).toEqual(['name']);
    expect(untidiness({ path: 'worker/planted.ts', text: 'export {};\n' }).map((f) => f.rule)).toEqual([
      'header',
    ]);
  });

  it('refuses focused tests, sleeps and unseeded chance in tests', () => {
    // In two pieces, so that a search for focused tests does not find this one.
    const focused = ['it', 'only("x", () => {});'].join('.');
    expect(rulesBroken('test/unit/planted.test.ts', focused)).toEqual(['focus']);
    expect(rulesBroken('test/unit/planted.test.ts', 'const x = Math.random();')).toEqual(['chance']);
    expect(
      rulesBroken('test/unit/planted.test.ts', "import { setTimeout } from 'node:timers/promises';"),
    ).toEqual(['sleep']);
  });

  it('sees a link that leads nowhere and a path of one machine', () => {
    expect(brokenLinks({ path: 'docs/a.md', text: '[b](b.md)' }, () => false)).toHaveLength(1);
    expect(leaks({ path: 'docs/a.md', text: ['see ', 'home', 'me/x'].join('/') })).toHaveLength(1);
  });

  it('does not take the slashes of an address for a comment', () => {
    expect(withoutComments("const a = 'http://x'; // note")).toBe("const a = 'http://x'; ");
  });
});

describe('the compiler keeps the runtime out of core', () => {
  const folder = mkdtempSync(join(tmpdir(), 'roundel-core-wall-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(['fetch', 'URL', 'Headers', 'console', 'setTimeout', 'crypto'])('refuses %s there', (name) => {
    writeFileSync(join(folder, 'planted.ts'), `export const planted = ${name};\n`);
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: join(root, 'core/tsconfig.json'), include: ['planted.ts'] }),
    );
    const compiler = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' });
    expect(compiler.stdout).toContain(`Cannot find name '${name}'`);
    expect(compiler.status).not.toBe(0);
  });
});
