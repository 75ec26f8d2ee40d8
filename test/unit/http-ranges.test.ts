// Range: whatever is sent, what comes out lies inside the representation and is what the grammar says.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rangeBytes, requestedRanges } from '../../core/http/ranges.ts';

const SEEDED = { seed: 9110, numRuns: 500 };

describe('requestedRanges', () => {
  it('never throws, and gives only ranges inside the representation that do not overlap', () => {
    const spec = fc.oneof(
      fc.tuple(fc.nat(30), fc.option(fc.nat(30))).map(([from, to]) => `${from}-${to ?? ''}`),
      fc.nat(30).map((suffix) => `-${suffix}`),
      fc.constantFrom('', ' ', 'x', '1', '-', '1-2-3', '+1-2', '0x1-2', '٣-٤', '1 -2'),
    );
    const value = fc.oneof(
      fc.string(),
      fc.array(spec, { maxLength: 5 }).map((specs) => `bytes=${specs.join(',')}`),
    );
    fc.assert(
      fc.property(value, fc.nat(25), (text, length) => {
        const asked = requestedRanges(text, length);
        if (asked.type !== 'ranges') return;
        const covered = new Set<number>();
        for (const range of asked.ranges) {
          expect(range.first).toBeGreaterThanOrEqual(0);
          expect(range.last).toBeLessThan(length);
          expect(rangeBytes(range)).toBeGreaterThan(0);
          for (let at = range.first; at <= range.last; at++) {
            expect(covered.has(at)).toBe(false);
            covered.add(at);
          }
        }
      }),
      SEEDED,
    );
  });

  it('takes exactly what RFC 9110 §14.1.1 lets be one range', () => {
    const digits = fc.stringMatching(/^\d{1,20}$/);
    fc.assert(
      fc.property(digits, digits, (from, to) => {
        const asked = requestedRanges(`bytes=${from}-${to}`, 1_000);
        if (Number(to) < Number(from)) expect(asked.type).toBe('ignored');
        else if (Number(from) >= 1_000) expect(asked.type).toBe('unsatisfiable');
        else {
          const range = { first: Number(from), last: Math.min(999, Number(to)) };
          expect(asked).toEqual({ type: 'ranges', ranges: [range] });
        }
      }),
      SEEDED,
    );
  });

  it.each(['bytes=1-2 3-4', 'bytes:1-2', 'bytes 1-2', '=1-2', 'bytes=1-2;3-4', 'bytes=1.0-2', 'bytes=１-2'])(
    'ignores %j',
    (value) => {
      expect(requestedRanges(value, 10)).toEqual({ type: 'ignored' });
    },
  );
});
