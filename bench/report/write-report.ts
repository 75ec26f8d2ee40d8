// The reports as files: one page for people, and beside it the same as JSON.
import { writeFileSync } from 'node:fs';
import type { Environment } from '../environment.ts';
import { InputError } from '../input-error.ts';
import { htmlReport, type Section } from './html-report.ts';

export interface ReportedLab {
  readonly section: Section;
  /** As `--json` prints it. */
  readonly report: { readonly environment: Environment };
}

/** `report.html` → `report.json`. */
export function jsonNameOf(htmlName: string): string {
  return `${htmlName.replace(/\.html?$/i, '')}.json`;
}

/** @param path resolved. Returns what was written. Throws InputError where that cannot be. */
export function writeReport(path: string, labs: readonly ReportedLab[]): readonly string[] {
  const [first] = labs;
  if (!first) throw new Error('Cannot write a report of no labs');
  const versions = Object.assign({}, ...labs.map(({ report }) => report.environment.versions));
  const byName = Object.fromEntries(labs.map(({ section, report }) => [section.name, report]));
  const files: readonly (readonly [string, string])[] = [
    [
      path,
      htmlReport(
        { ...first.report.environment, versions },
        labs.map(({ section }) => section),
      ),
    ],
    [jsonNameOf(path), `${JSON.stringify(labs.length === 1 ? first.report : byName)}\n`],
  ];
  for (const [name, text] of files) {
    try {
      writeFileSync(name, text);
    } catch (error) {
      throw new InputError(`Cannot write the report: ${(error as Error).message}`);
    }
  }
  return files.map(([name]) => name);
}
