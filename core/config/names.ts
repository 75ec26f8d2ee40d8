// The names by which a configuration's parts refer to one another.
import { z } from 'zod';

export const poolName = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/, 'must be 1–64 of a–z, 0–9 and "-"')
  .describe('Name of a pool.');

export const backendId = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1–64 of A–Z, a–z, 0–9, ".", "_" and "-"');

export const regionName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'must be 1–64 of A–Z, a–z, 0–9, ".", "_" and "-"')
  .describe(
    'A region (`enam`, `wnam`, `weur`, `eeur`, `apac`, `apac-ne`, `apac-se`, `sam`, `oc`, `afr`, `me`), a continent ' +
      '(`AF`, `AN`, `AS`, `EU`, `NA`, `OC`, `SA`), or a name of your own.',
  );
