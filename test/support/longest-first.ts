// Starts the files that take longest first, so that none of them is left to run alone at the end.
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes ten seconds or more, most first. Behind these the order is vitest's own. */
const LONG = [
  'workerd/shards',
  'simulation/profiles',
  'e2e/start-command',
  'e2e/bench-live',
  'e2e/data-plane-cache',
  'e2e/data-plane-attempts',
  'e2e/control-plane-faults',
  'e2e/health',
  'e2e/data-plane-faults',
  'e2e/explain',
  'unit/bench-distribution',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = new Map(
      files.map((file) => {
        const place = LONG.findIndex((name) => file.moduleId.endsWith(`/test/${name}.test.ts`));
        return [file, place === -1 ? LONG.length : place];
      }),
    );
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
  }
}
