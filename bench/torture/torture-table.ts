// The torture report for people.
import { environmentText, numbersTable } from '../numbers-table.ts';
import type { TortureReport } from './run-torture.ts';

export function tortureTable({ environment, numbers, verdict, lost }: TortureReport): string {
  return [
    'Torture: workerd killed and started again on the same disk, under writes and reads of six clients.',
    environmentText(environment),
    '',
    numbersTable(numbers),
    '',
    `The history of the shared keys is ${verdict}.`,
    ...lost.map((key) => `lost: ${key}`),
  ].join('\n');
}
