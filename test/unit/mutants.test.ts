// The simulator's deliberate bugs fit the code as it is, and a change that they name is found to be missing.
import { describe, expect, it } from 'vitest';
import { MUTANTS } from '../../simulate/mutants/all.ts';
import { checkMutant, mutate } from '../../simulate/mutants/plant.ts';

describe('mutants', () => {
  it.each(MUTANTS.map((mutant) => ({ name: mutant.name, mutant })))('fit the code: $name', ({ mutant }) => {
    expect(() => checkMutant(mutant)).not.toThrow();
    for (const { find, replace } of mutant.edits) expect(replace).not.toBe(find);
  });

  it('have names of their own', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  it.each(['b', 'none'])('are refused where the text stands twice or nowhere: %s', (find) => {
    expect(() => mutate('a b b', { file: 'core/x.ts', find, replace: 'c' })).toThrow('instead of once');
    expect(mutate('a b b', { file: 'core/x.ts', find: 'a', replace: 'c' })).toBe('c b b');
  });
});
