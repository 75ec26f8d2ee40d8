// A body in memory while it comes in, and those who read it as it comes.
import { describe, expect, it } from 'vitest';
import { SharedBodies, SharedBody } from '../../core/cache/shared-body.ts';

const MiB = 2 ** 20;
/** Bytes that tell where they stand in the body. */
const pattern = new Uint8Array(3 * MiB + 251);
for (let i = 0; i < pattern.length; i++) pattern[i] = i % 251;
const piece = (from: number, bytes: number) => pattern.slice(from % 251, (from % 251) + bytes);

describe('a shared body', () => {
  it.each([1_000_000, null])('gives every reader every byte, in order (length %s)', (lengthBytes) => {
    const body = new SharedBody(lengthBytes, 2 * MiB, 0);
    const fast = body.enter(0);
    const read: Uint8Array[] = [];
    for (let from = 0; from < 1_000_000; from += 10_000) {
      body.add(piece(from, 10_000));
      const bytes = body.after(fast.at);
      if (bytes === null) throw new Error('unreachable');
      read.push(bytes.slice());
      fast.at += bytes.byteLength;
      expect(body.after(fast.at)).toBeNull();
    }
    const whole = body.finish();
    expect(whole?.byteLength).toBe(1_000_000);
    expect(whole?.buffer.byteLength).toBe(1_000_000);
    expect(Buffer.concat(read).equals(piece(0, 1_000_000))).toBe(true);
    const late = body.enter(1);
    expect(Buffer.from(body.after(late.at) ?? []).equals(piece(0, 1_000_000))).toBe(true);
  });

  it('is no copy for the cache when it is short', () => {
    const body = new SharedBody(10, 10, 0);
    body.add(piece(0, 9));
    expect(body.finish()).toBeNull();
  });

  it('takes all its room at once where it says how long it is, but not before a part of it has come', () => {
    const roomOf = (lengthBytes: number | null, bytes: number) => {
      const body = new SharedBody(lengthBytes, 24 * MiB, 0);
      for (let from = 0; from < bytes; from += 65_536) body.add(piece(from, 65_536));
      return body.after(0)?.buffer.byteLength;
    };
    expect([roomOf(24 * MiB, MiB), roomOf(24 * MiB, MiB + 1)]).toEqual([MiB, 24 * MiB]);
    expect(roomOf(null, MiB + 1)).toBe(2 * MiB);
  });

  it('what a client is being sent stays as it was, wherever the body moves to', () => {
    const body = new SharedBody(null, MiB, 0);
    const reader = body.enter(0);
    body.add(piece(0, MiB));
    const sent = body.after(0)?.subarray(0, 100_000) ?? new Uint8Array();
    const before = sent.slice();
    reader.at = 100_000;
    for (let from = MiB; from < 6 * MiB; from += 65_536) {
      body.add(piece(from, 65_536));
      reader.at = from;
    }
    expect(Buffer.from(sent).equals(before)).toBe(true);
  });

  it('that outgrows its limit goes on for those who read it, in bounded memory while they follow', () => {
    const body = new SharedBody(null, MiB, 0);
    const own = body.enter(0);
    const other = body.enter(0);
    let heldBytesMax = 0;
    for (let from = 0; from < 12 * MiB; from += 65_536) {
      body.add(piece(from, 65_536));
      expect(body.isKept).toBe(from + 65_536 <= MiB);
      for (const [reader, lag] of [
        [own, 0],
        [other, 400_000],
      ] as const) {
        const bytes = body.after(reader.at) ?? new Uint8Array();
        heldBytesMax = Math.max(heldBytesMax, bytes.buffer.byteLength);
        const taken = Math.max(0, bytes.byteLength - lag);
        expect(taken === 0 || bytes[0] === reader.at % 251).toBe(true);
        reader.at += taken;
      }
      expect(body.lagBytes(0)).toBeLessThanOrEqual(400_000);
    }
    expect(heldBytesMax).toBeLessThan(4 * MiB);
    expect(body.finish()).toBeNull();
  });

  it('drops who is too slow for what cannot be kept, but not its own client', () => {
    const body = new SharedBody(null, MiB, 0);
    const [own, slow, near] = [body.enter(0), body.enter(0), body.enter(0)];
    body.add(piece(0, 3 * MiB));
    near.at = 2 * MiB;
    body.dropLaggards(own);
    expect([own, slow, near].map(({ isDropped }) => isDropped)).toEqual([false, true, false]);
    expect(body.lagBytes(0)).toBe(3 * MiB);
  });

  it('knows who is gone without a word, and whether its fetch is', () => {
    const body = new SharedBody(null, MiB, 0);
    const reader = body.enter(0);
    expect([body.isRead(14_999), body.isAlive(4_999), body.isAlive(5_000)]).toEqual([true, true, false]);
    body.fetchGoesOn(5_000);
    expect(body.isAlive(9_999)).toBe(true);
    reader.seenAt = 10_000;
    expect([body.isRead(24_999), body.isRead(25_000), reader.isDropped]).toEqual([true, false, true]);
    body.finish();
    body.cut();
    expect([body.end, body.isAlive(1_000_000)]).toEqual(['whole', true]);
  });
});

describe('the bodies that an isolate shares', () => {
  it('are bounded by what they may come to take, until nobody reads them', () => {
    const bodies = new SharedBodies();
    const large = () => {
      const body = new SharedBody(null, 16 * MiB, 0);
      return { body, reader: body.enter(0) };
    };
    const first = large();
    const second = large();
    expect([bodies.admit(first.body, 0), bodies.admit(second.body, 0)]).toEqual([true, true]);
    expect(bodies.admit(new SharedBody(1, 1, 0), 0)).toBe(false);
    expect([first.body.isShared, bodies.admit(first.body, 0)]).toEqual([true, true]);
    first.body.finish();
    expect(bodies.admit(new SharedBody(1, 1, 0), 0)).toBe(false);
    first.body.leave(first.reader);
    expect(bodies.admit(new SharedBody(1, 1, 0), 0)).toBe(true);
    // The other's fetch is gone without a word.
    expect(bodies.admit(new SharedBody(16 * MiB, 16 * MiB, 5_000), 5_000)).toBe(true);
  });
});
