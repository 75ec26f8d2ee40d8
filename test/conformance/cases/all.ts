// All conformance cases.
import type { ConformanceCase } from '../case.ts';
import { FAILURE_AND_CHANGE } from './failure-and-change.ts';
import { FRESHNESS } from './freshness.ts';
import { PARTS } from './parts.ts';
import { RANGES } from './ranges.ts';
import { REQUESTS } from './requests.ts';
import { ROUTE_OPTIONS } from './route-options.ts';
import { STORING } from './storing.ts';
import { UPDATES } from './updates.ts';
import { VALIDATION } from './validation.ts';
import { VARIANTS } from './variants.ts';

export const ALL: readonly ConformanceCase[] = [
  ...FRESHNESS,
  ...STORING,
  ...VARIANTS,
  ...VALIDATION,
  ...REQUESTS,
  ...FAILURE_AND_CHANGE,
  ...ROUTE_OPTIONS,
  ...RANGES,
  ...PARTS,
  ...UPDATES,
];
