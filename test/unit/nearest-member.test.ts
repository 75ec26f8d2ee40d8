// Which member an edge reads from.
import { describe, expect, it } from 'vitest';
import { createNearestMember } from '../../worker/data-plane/nearest-member.ts';

function chosen(answers: Record<number, number>, primary = 0): number {
  const nearest = createNearestMember();
  for (const [member, ms] of Object.entries(answers)) {
    for (let i = 0; i < 20; i++) nearest.answered('g', Number(member), ms);
  }
  return nearest.choose('g', primary, 3);
}

describe('the nearest member', () => {
  it('is the primary as long as nothing is known, or the others are hardly faster', () => {
    expect(chosen({}, 2)).toBe(2);
    expect(chosen({ 0: 20, 1: 15, 2: 200 })).toBe(0);
    expect(chosen({ 0: 3, 1: 1 })).toBe(0);
  });

  it('is another one that answers clearly faster, the fastest of them', () => {
    expect(chosen({ 0: 90, 1: 30, 2: 12 })).toBe(2);
  });

  it('is found by trying each of the others now and then', () => {
    const nearest = createNearestMember();
    const tried = Array.from({ length: 640 }, () => nearest.choose('g', 0, 3));
    expect(new Set(tried)).toEqual(new Set([0, 1, 2]));
    expect(tried.filter((member) => member !== 0).length).toBeLessThanOrEqual(10);
  });

  it('follows what the group does now', () => {
    const nearest = createNearestMember();
    for (let i = 0; i < 20; i++) {
      nearest.answered('g', 0, 90);
      nearest.answered('g', 1, 10);
    }
    expect(nearest.choose('g', 0, 3)).toBe(1);
    for (let i = 0; i < 40; i++) nearest.answered('g', 1, 200);
    expect(nearest.choose('g', 0, 3)).toBe(0);
  });
});
