// Every way to change the configuration, as data: the Directory applies one edit to the current document, validates
// the whole and stores a new version, in one step.
import type { FieldError } from './field-error.ts';
import { formatPath } from './field-error.ts';
import { DEPTH_MAX, isJsonObject, isNestedTooDeep, member } from './json.ts';
import { mergePatch } from './merge-patch.ts';
import type { BackendState, ConfigDocument } from './schema.ts';

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

export type EditedDocument =
  /** Not validated yet. */
  | { readonly type: 'edited'; readonly document: unknown }
  | { readonly type: 'not-found'; readonly what: string }
  | { readonly type: 'invalid'; readonly errors: readonly FieldError[] };

type PoolDocument = NonNullable<ConfigDocument['pools']>[string];
type BackendDocument = NonNullable<PoolDocument['backends']>[number];

/**
 * The document after the edit; the one given is not changed. A backend keeps its place in the list, a new one goes to
 * the end; `id` may be left out of a backend's own document. O(size of the document).
 */
export function applyEdit(
  document: ConfigDocument,
  edit: ConfigEdit,
  lookupVersion: (version: number) => ConfigDocument | null,
): EditedDocument {
  switch (edit.type) {
    case 'replace':
      return edited(edit.document);
    case 'merge':
      return tooDeep(edit.patch, []) ?? edited(mergePatch(document, edit.patch));
    case 'putPool':
      return edited(withPool(document, edit.pool, edit.value));
    case 'mergePool': {
      const pool = poolOf(document, edit.pool);
      if (pool === undefined) return noPool(edit.pool);
      return (
        tooDeep(edit.patch, ['pools', edit.pool]) ??
        edited(withPool(document, edit.pool, mergePatch(pool, edit.patch)))
      );
    }
    case 'deletePool':
      if (poolOf(document, edit.pool) === undefined) return noPool(edit.pool);
      return edited({
        ...document,
        pools: Object.fromEntries(
          Object.entries(document.pools ?? {}).filter(([name]) => name !== edit.pool),
        ),
      });
    case 'putBackend':
      return editBackend(document, edit, 'may-be-new', () => edit.value);
    case 'mergeBackend':
      return (
        tooDeep(edit.patch, ['pools', edit.pool]) ??
        editBackend(document, edit, 'must-exist', (backend) => mergePatch(backend, edit.patch))
      );
    case 'deleteBackend':
      return editBackend(document, edit, 'must-exist', () => REMOVED);
    case 'setBackendState':
      return editBackend(document, edit, 'must-exist', (backend) =>
        (backend?.state ?? 'active') === edit.state ? backend : { ...backend, state: edit.state },
      );
    case 'rollback': {
      const earlier = lookupVersion(edit.version);
      return earlier === null
        ? { type: 'not-found', what: `configuration version ${edit.version}` }
        : edited(earlier);
    }
    default:
      edit satisfies never;
      throw new Error(`Cannot apply an edit: unknown type ${JSON.stringify(edit)}`);
  }
}

const REMOVED = Symbol('removed');

function editBackend(
  document: ConfigDocument,
  at: { readonly pool: string; readonly backend: string },
  presence: 'must-exist' | 'may-be-new',
  change: (backend: BackendDocument | undefined) => unknown,
): EditedDocument {
  const pool = poolOf(document, at.pool);
  if (pool === undefined) return noPool(at.pool);
  const backends = pool.backends ?? [];
  const index = backends.findIndex((backend) => backend.id === at.backend);
  if (index < 0 && presence === 'must-exist') {
    return { type: 'not-found', what: `backend "${at.backend}" in pool "${at.pool}"` };
  }
  const changed = change(backends[index]);
  const place = index < 0 ? backends.length : index;
  const next: unknown[] = [...backends];
  if (changed === REMOVED) next.splice(place, 1);
  else {
    const id = member(changed, 'id');
    if (isJsonObject(changed) && id !== undefined && id !== at.backend) {
      const path = formatPath(['pools', at.pool, 'backends', place, 'id']);
      return { type: 'invalid', errors: [{ path, message: `must be "${at.backend}", as in the address` }] };
    }
    next[place] = isJsonObject(changed) ? { id: at.backend, ...changed } : changed;
  }
  return edited(withPool(document, at.pool, { ...pool, backends: next }));
}

function edited(document: unknown): EditedDocument {
  return { type: 'edited', document };
}

function noPool(name: string): EditedDocument {
  return { type: 'not-found', what: `pool "${name}"` };
}

function poolOf(document: ConfigDocument, name: string): PoolDocument | undefined {
  const pools = document.pools ?? {};
  return Object.hasOwn(pools, name) ? pools[name] : undefined;
}

/** By Map: a pool called `__proto__` becomes an own member, which the schema then refuses. */
function withPool(document: ConfigDocument, name: string, pool: unknown): unknown {
  const pools = new Map<string, unknown>(Object.entries(document.pools ?? {}));
  return { ...document, pools: Object.fromEntries(pools.set(name, pool)) };
}

function tooDeep(patch: unknown, path: readonly PropertyKey[]): EditedDocument | null {
  if (!isNestedTooDeep(patch)) return null;
  return {
    type: 'invalid',
    errors: [{ path: formatPath(path), message: `must not nest deeper than ${DEPTH_MAX}` }],
  };
}
