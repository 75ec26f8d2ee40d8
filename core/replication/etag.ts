// The etag of a row is where it was written: view, op and place among the op's items, so no two writes share one.
import type { RowHead } from './store.ts';

/** The opaque text that stands between the quotes: `VIEW-OP-ITEM` in base 36. O(1). */
export function etagOf(row: Pick<RowHead, 'viewstamp' | 'item'>): string {
  const { view, op } = row.viewstamp;
  return `${view.toString(36)}-${op.toString(36)}-${row.item.toString(36)}`;
}
