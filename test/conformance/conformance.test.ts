// The conformance cases against the pure decisions of the cache, with an origin and a clock made up for each.
import { describe, expect, it } from 'vitest';
import { ALL } from './cases/all.ts';
import { DEVIATIONS } from './deviations.ts';
import { runCase } from './run-case.ts';

const sections = [...new Set(ALL.map(({ section }) => section))].sort();

describe.each(sections)('%s', (section) => {
  for (const conformanceCase of ALL.filter((candidate) => candidate.section === section)) {
    const { id, kind, title } = conformanceCase;
    const reason = DEVIATIONS[id];
    it(`${kind} ${id}: ${title}`, () => {
      const differences = runCase(conformanceCase);
      if (reason === undefined) expect(differences).toEqual([]);
      else expect(differences, `"${id}" is listed as a deviation, and passes`).not.toEqual([]);
    });
  }
});

describe('the list of cases', () => {
  it('gives every case an id of its own', () => {
    expect(ALL.map(({ id }) => id).filter((id, i, ids) => ids.indexOf(id) !== i)).toEqual([]);
  });

  it('names only cases as deviations, and no required one', () => {
    for (const id of Object.keys(DEVIATIONS)) {
      expect(ALL.find((conformanceCase) => conformanceCase.id === id)?.kind, id).toMatch(/optimal|chosen/);
    }
  });

  it('has two hundred cases and more', () => {
    expect(ALL.length).toBeGreaterThan(200);
  });
});
