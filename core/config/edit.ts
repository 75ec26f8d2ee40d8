// Every way to change the configuration, as data: the Directory applies one edit to the current document, validates
// the whole and stores a new version, in one step.
import type { BackendState } from './schema.ts';

export type ConfigEdit =
  | { readonly type: 'replace'; readonly document: unknown }
  /** RFC 7396. */
  | { readonly type: 'merge'; readonly patch: unknown }
  | { readonly type: 'putPool'; readonly pool: string; readonly value: unknown }
  | { readonly type: 'mergePool'; readonly pool: string; readonly patch: unknown }
  | { readonly type: 'deletePool'; readonly pool: string }
  | { readonly type: 'putBackend'; readonly pool: string; readonly backend: string; readonly value: unknown }
  | {
      readonly type: 'mergeBackend';
      readonly pool: string;
      readonly backend: string;
      readonly patch: unknown;
    }
  | { readonly type: 'deleteBackend'; readonly pool: string; readonly backend: string }
  | {
      readonly type: 'setBackendState';
      readonly pool: string;
      readonly backend: string;
      readonly state: BackendState;
    }
  | { readonly type: 'rollback'; readonly version: number };
