// Puts a mutant in place of the code while modules are loaded: a hook hands out the changed source. Nothing on disk
// changes, and other threads see nothing of it.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import type { Edit, Mutant } from './mutant.ts';

const ROOT = new URL('../../', import.meta.url);

/** Throws where the text to be replaced does not stand exactly once: the code has moved on, and the mutant must too. */
export function mutate(source: string, { file, find, replace }: Edit): string {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(
      `${file} holds the text to be replaced ${parts.length - 1} times instead of once: ${find}`,
    );
  }
  return parts.join(replace);
}

/** Looks whether the mutant fits the code. */
export function checkMutant({ name, edits }: Mutant): void {
  for (const edit of edits) {
    try {
      mutate(readFileSync(new URL(edit.file, ROOT), 'utf8'), edit);
    } catch (error) {
      throw new Error(`The mutant "${name}" does not fit the code: ${(error as Error).message}`);
    }
  }
}

/** From now on modules that this thread loads have the bug. */
export function plant({ edits }: Mutant): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const ours = edits.filter(({ file }) => url === new URL(file, ROOT).href);
      if (ours.length === 0) return loaded;
      if (loaded.source == null) throw new Error(`There is no source of ${url}`);
      const text =
        typeof loaded.source === 'string'
          ? loaded.source
          : new TextDecoder().decode(loaded.source as Uint8Array);
      return { ...loaded, source: ours.reduce(mutate, text) };
    },
  });
}
