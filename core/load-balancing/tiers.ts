// Which tier gets a request. The rule is Envoy's for priority levels: a tier's health is its healthy share times the
// overprovisioning, at most 1; it takes so much of what the tiers before it leave, and where all of them together
// have less than 1, each takes its part of the whole. Shares go by weight: a tier whose one heavy backend is down
// has lost what that carried. A key's tier is settled by chance of its own, laid along the tiers in order: what
// spills over, as a tier falls ill, is always the same keys first.
import { keyChance } from './key-chance.ts';
import { type SelectionQuestion, softRefusal } from './refusals.ts';
import type { SelectionLayers, Tier } from './selection-layers.ts';

/** So that who spills over is an even sample for the strategies, whose seed this is not. */
const TIER_SEED = 0x71e25;

export interface TierState {
  readonly tier: Tier;
  /** By weight, of the members that are active: 0–1; 0 when there is none. */
  readonly healthyRatio: number;
  /** Its part of the traffic, 0–1; of all tiers together 1. */
  readonly load: number;
}

/** The part of each of these tiers, in order; the first of a pool without any health gets it all. O(tiers). */
export function tierLoads(healthyRatios: readonly number[], overprovisioning: number): number[] {
  const healths = healthyRatios.map((ratio) => Math.min(1, ratio * overprovisioning));
  const total = Math.min(
    1,
    healths.reduce((sum, health) => sum + health, 0),
  );
  let left = 1;
  return healths.map((health, index) => {
    const load = total === 0 ? Number(index === 0) : Math.min(left, health / total);
    left -= load;
    return load;
  });
}

/** O(backends). */
export function tierStates(question: SelectionQuestion, layers: SelectionLayers): TierState[] {
  const { tiers, overprovisioning } = layers;
  const ratios = tiers.map((tier) => healthyRatio(question, tier));
  // A tier that has nobody to lose is no tier to come first.
  const loads = tierLoads(
    ratios.map((ratio) => ratio ?? 0),
    overprovisioning,
  );
  const first = ratios.findIndex((ratio) => ratio !== null);
  const isNobodyHealthy = ratios.every((ratio) => !ratio);
  return tiers.map((tier, index) => ({
    tier,
    healthyRatio: ratios[index] ?? 0,
    load: isNobodyHealthy ? Number(index === Math.max(0, first)) : (loads[index] ?? 0),
  }));
}

/** The request's own tier first, then the others in order: where retries go. O(backends) with several tiers. */
export function tiersInOrder(question: SelectionQuestion, layers: SelectionLayers): readonly Tier[] {
  const { tiers, hashSeed, random } = layers;
  if (tiers.length === 1) return tiers;
  const states = tierStates(question, layers);
  if ((states[0]?.load ?? 0) >= 1) return tiers;
  let left = keyChance(question.key, TIER_SEED ^ hashSeed, random);
  let home: Tier | undefined;
  for (const { tier, load } of states) {
    if (load === 0) continue;
    // The last one, should the sum of the loads be short of 1 by rounding.
    home = tier;
    left -= load;
    if (left < 0) break;
  }
  return home === undefined ? tiers : [home, ...tiers.filter((tier) => tier !== home)];
}

/** null when no member may take traffic at all. */
function healthyRatio(question: SelectionQuestion, { members }: Tier): number | null {
  let eligible = 0;
  let healthy = 0;
  for (const index of members) {
    const backend = question.backends[index];
    if (backend?.state !== 'active' || backend.weight === 0) continue;
    eligible += backend.weight;
    if (softRefusal(question, index) === null) healthy += backend.weight;
  }
  return eligible === 0 ? null : healthy / eligible;
}
