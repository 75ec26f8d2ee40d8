// Runs every conformance case against each mutant, and tells which cases noticed it. Each mutant has modules of its own:
// a mark in their addresses keeps them apart, and is handed on from whoever imports to what it imports.
import { registerHooks } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import type { Mutant } from '../../../simulate/mutants/mutant.ts';
import { mutate } from '../../../simulate/mutants/plant.ts';

const { mutants } = workerData as { readonly mutants: readonly Mutant[] };
const ROOT = new URL('../../../', import.meta.url).href;
const MARK = /\?mutant=(\d+)$/;

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const mark = MARK.exec(context.parentURL ?? '')?.[0];
    const isOurs = resolved.url.startsWith(ROOT) && !resolved.url.includes('/node_modules/');
    return mark !== undefined && isOurs ? { ...resolved, url: resolved.url + mark } : resolved;
  },
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const edits = mutants[Number(MARK.exec(url)?.[1])]?.edits ?? [];
    const here = edits.filter(({ file }) => url.startsWith(`${new URL(file, ROOT).href}?`));
    if (here.length === 0) return loaded;
    return { ...loaded, source: here.reduce(mutate, new TextDecoder().decode(loaded.source as Uint8Array)) };
  },
});

/** Ids of the cases that did not pass; a case that throws counts. */
async function failing(mark: string): Promise<string[]> {
  const { ALL } = (await import(`../cases/all.ts${mark}`)) as typeof import('../cases/all.ts');
  const { runCase } = (await import(`../run-case.ts${mark}`)) as typeof import('../run-case.ts');
  return ALL.filter((conformanceCase) => {
    try {
      return runCase(conformanceCase).length > 0;
    } catch {
      return true;
    }
  }).map(({ id }) => id);
}

const caught: string[][] = [];
for (let i = 0; i < mutants.length; i++) caught.push(await failing(`?mutant=${i}`));
parentPort?.postMessage({ untouched: await failing(''), caught });
