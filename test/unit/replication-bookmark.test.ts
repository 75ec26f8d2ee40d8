// Bookmarks come from outside: they must survive their way as text, merge, and be refused by name when they are not ours.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BOOKMARK_LENGTH_MAX,
  decodeBookmark,
  encodeBookmark,
  mergeBookmarks,
} from '../../core/replication/bookmark.ts';
import { compareViewstamps } from '../../core/replication/viewstamp.ts';

const stamp = fc.record({ view: fc.nat(), op: fc.nat({ max: 2 ** 50 }) });
const bookmark = fc.dictionary(fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }), stamp, {
  maxKeys: 8,
});

describe('a bookmark', () => {
  it('is the same after its way as text, which fits in a header field', () => {
    fc.assert(
      fc.property(bookmark, (given) => {
        const text = encodeBookmark(given);
        expect(text).toMatch(/^[\x21-\x7e]+$/);
        expect(decodeBookmark(text)).toEqual({ type: 'bookmark', bookmark: { ...given } });
      }),
    );
  });

  it('merged with another has the newer stamp of each group, whichever comes first', () => {
    fc.assert(
      fc.property(bookmark, bookmark, (a, b) => {
        const merged = mergeBookmarks(a, b);
        expect(merged).toEqual(mergeBookmarks(b, a));
        expect(Object.keys(merged).sort()).toEqual(
          [...new Set([...Object.keys(a), ...Object.keys(b)])].sort(),
        );
        for (const [group, at] of Object.entries(merged)) {
          for (const known of [a, b]) {
            const own = Object.hasOwn(known, group) ? known[group] : undefined;
            if (own !== undefined) expect(compareViewstamps(at, own)).toBeGreaterThanOrEqual(0);
          }
        }
      }),
    );
  });

  it('compares views before ops', () => {
    const merged = mergeBookmarks({ g: { view: 1, op: 5 } }, { g: { view: 0, op: 900 } });
    expect(merged).toEqual({ g: { view: 1, op: 5 } });
  });

  it('that names nothing is a bookmark too', () => {
    expect(decodeBookmark(encodeBookmark({}))).toEqual({ type: 'bookmark', bookmark: {} });
  });

  it.each([
    ['', 'malformed'],
    ['x', 'malformed'],
    ['b2.g~1~1', 'unknown-version'],
    ['b1.', 'malformed'],
    ['b1.g', 'malformed'],
    ['b1.g~1', 'malformed'],
    ['b1.g~1~1~1', 'malformed'],
    ['b1.g~-1~1', 'malformed'],
    ['b1.g~1~1.5', 'malformed'],
    ['b1.g~01~1', 'malformed'],
    ['b1.g~1~zzzzzzzzzzzz', 'malformed'],
    ['b1.%E0%A4%A~1~1', 'malformed'],
    ['b1.~1~1', 'malformed'],
    ['b1.g~1~1.g~2~2', 'malformed'],
    ['b1.g h~1~1', 'malformed'],
    [`b1.${'g'.repeat(BOOKMARK_LENGTH_MAX)}~1~1`, 'too-long'],
  ])('%j is refused: %s', (text, reason) => {
    expect(decodeBookmark(text)).toEqual({ type: 'refused', reason });
  });

  it('decoding any text whatever refuses or gives counts', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((tail) => `b1.${tail}`),
        ),
        (text) => {
          const reading = decodeBookmark(text);
          if (reading.type === 'refused') return;
          for (const { view, op } of Object.values(reading.bookmark)) {
            expect(Number.isSafeInteger(view) && view >= 0 && Number.isSafeInteger(op) && op >= 0).toBe(true);
          }
        },
      ),
    );
  });
});
