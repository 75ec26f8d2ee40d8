// Rows of the `rows` table as the core sees them, and back. Bodies that are not small are read only when somebody asks
// for them: a URL may have many variants, of which one is answered from.
import type { Body } from '../../core/replication/commands.ts';
import type { Row, RowHead } from '../../core/replication/store.ts';

/** Inline bodies up to this size come with their row; larger ones by a statement of their own, if wanted. */
export const EAGER_BODY_BYTES = 32 * 1024;

export const HEAD_COLUMNS =
  'key, variant, view, op, item, bornView, bornOp, writtenAt, expireAt, bytes, tags';

export const ROW_COLUMNS = `${HEAD_COLUMNS}, id, hashes, bodyBytes, meta,
  CASE WHEN bodyBytes <= ${EAGER_BODY_BYTES} THEN body END AS body`;

export type HeadColumns = {
  key: string;
  variant: string;
  view: number;
  op: number;
  item: number;
  bornView: number;
  bornOp: number;
  writtenAt: number;
  expireAt: number | null;
  bytes: number;
  /** JSON; null when there are none. */
  tags: string | null;
};

export type RowColumns = HeadColumns & {
  id: number;
  /** JSON; null when the body is inline. */
  hashes: string | null;
  bodyBytes: number;
  meta: string;
  body: ArrayBuffer | null;
};

const NO_TAGS: readonly string[] = [];

export function headOf(columns: HeadColumns): RowHead {
  const { key, variant, view, op, item, bornView, bornOp, writtenAt, expireAt, bytes, tags } = columns;
  return {
    key,
    variant,
    viewstamp: { view, op },
    item,
    born: { view: bornView, op: bornOp },
    writtenAt,
    expireAt,
    tags: tags === null ? NO_TAGS : JSON.parse(tags),
    bytes,
  };
}

/**
 * `readBody` is asked at most once, and only for a body that did not come along: by whoever reads `bytes`, who must do
 * so in the turn in which he got the row, before anything can be written.
 */
export function rowOf(columns: RowColumns, readBody: (id: number) => ArrayBuffer): Row {
  return { ...headOf(columns), value: { meta: columns.meta, body: bodyOf(columns, readBody) } };
}

function bodyOf({ id, hashes, bodyBytes, body }: RowColumns, readBody: (id: number) => ArrayBuffer): Body {
  if (hashes !== null) return { type: 'chunks', hashes: JSON.parse(hashes), bytes: bodyBytes };
  if (body !== null) return { type: 'inline', bytes: new Uint8Array(body) };
  if (bodyBytes === 0) return { type: 'inline', bytes: new Uint8Array() };
  let read: Uint8Array | null = null;
  return {
    type: 'inline',
    get bytes() {
      read ??= new Uint8Array(readBody(id));
      return read;
    },
  };
}
