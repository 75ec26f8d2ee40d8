// Histories for the linearizability checker's tests: made by playing operations one after another, so that an order is
// known, and by spoiling those. And a judge that tries every order, for histories of a few operations.
import fc from 'fast-check';
import type { Action, Operation, Value } from '../../linearize/operation.ts';

export interface Step {
  readonly kind: 'read' | 'write' | 'append' | 'cas';
  readonly from: Value;
  readonly to: string;
  /** How long before and after it takes effect it is under way: the next takes effect 10 later. */
  readonly lead: number;
  readonly lag: number;
  /** Whether its outcome is never known, and whether it happens all the same. */
  readonly open: boolean;
  readonly happens: boolean;
}

/** Few, so that they repeat, and such that one appended to another makes a third. */
const VALUES = ['a', 'b', 'aa', 'ba', 'ab'] as const;

const fewValues: fc.Arbitrary<string> = fc.constantFrom(...VALUES);

/** Steps on a few values, or each with a value of its own. */
export function stepsArbitrary(size: { min: number; max: number; overlap: number; distinct?: boolean }) {
  const { min, max, overlap, distinct = false } = size;
  const value = fewValues;
  const step = fc.record({
    kind: fc.constantFrom('read', 'read', 'write', 'append', 'cas') as fc.Arbitrary<Step['kind']>,
    from: fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 4, arbitrary: value }),
    to: value,
    lead: fc.nat({ max: overlap }),
    lag: fc.nat({ max: overlap }),
    open: fc.nat({ max: 4 }).map((number) => number === 0),
    happens: fc.boolean(),
  });
  return fc
    .array(step, { minLength: min, maxLength: max })
    .map((steps) => (distinct ? steps.map((step, i) => ({ ...step, to: `${i};` })) : steps));
}

/** What clients see of the steps played in order; linearizable, for that order is one. */
export function play(steps: readonly Step[]): Operation[] {
  let value: Value = null;
  return steps.map((step, index) => {
    let action: Action;
    if (step.kind === 'read') action = { type: 'read', value };
    else if (step.kind === 'cas') {
      const matched = step.open ? null : step.from === value;
      action = { type: 'cas', from: step.from, to: step.to, matched };
    } else action = { type: step.kind, value: step.to };
    if (!step.open || step.happens) value = played(action, value) ?? value;
    const at = index * 10 + 5;
    // Instants are all different: invocations are even, returns are odd, and each has a place for its step.
    const instant = (time: number, odd: number) => ((time + 1000) * steps.length + index) * 2 + odd;
    return {
      action,
      invokedAt: instant(at - step.lead, 0),
      returnedAt: step.open ? null : instant(at + step.lag, 1),
    };
  });
}

export type Spoiling =
  | { readonly type: 'drop'; readonly at: number }
  | { readonly type: 'swap'; readonly at: number; readonly with: number }
  | { readonly type: 'alter'; readonly at: number; readonly value: Value };

const place = fc.nat({ max: 20 });

export const spoilingArbitrary: fc.Arbitrary<Spoiling> = fc.oneof(
  fc.record({ type: fc.constant('drop' as const), at: place }),
  fc.record({ type: fc.constant('swap' as const), at: place, with: place }),
  fc.record({
    type: fc.constant('alter' as const),
    at: place,
    value: fc.oneof({ weight: 4, arbitrary: fewValues }, { weight: 1, arbitrary: fc.constant(null) }),
  }),
);

/** The history with one operation gone, two at each other's times, or one that tells of another value. */
export function spoil(operations: readonly Operation[], spoiling: Spoiling): Operation[] {
  const at = spoiling.at % operations.length;
  const one = operations[at] as Operation;
  if (spoiling.type === 'drop') return operations.filter((operation) => operation !== one);
  if (spoiling.type === 'swap') {
    const other = operations[spoiling.with % operations.length] as Operation;
    // An open operation keeps its place: what is known of an outcome goes with the return.
    if (one.returnedAt === null || other.returnedAt === null) return [...operations];
    return operations.map((operation) => {
      if (operation === one) return { ...other, action: one.action };
      return operation === other ? { ...one, action: other.action } : operation;
    });
  }
  const { action } = one;
  const { value } = spoiling;
  let altered: Action;
  if (action.type === 'cas') altered = { ...action, from: value };
  else if (action.type === 'append') altered = { ...action, value: value === null ? '' : String(value) };
  else altered = { ...action, value };
  return operations.map((operation) => (operation === one ? { ...one, action: altered } : operation));
}

/** Tries every order of every choice of open operations. O(n!): for a handful. */
export function hasOrder(operations: readonly Operation[], value: Value = null): boolean {
  if (operations.every(({ returnedAt }) => returnedAt === null)) return true;
  return operations.some((next) => {
    const rest = operations.filter((operation) => operation !== next);
    if (rest.some(({ returnedAt }) => returnedAt !== null && returnedAt < next.invokedAt)) return false;
    const after = played(next.action, value);
    return after !== undefined && hasOrder(rest, after);
  });
}

/** A model apart from the checker's own; only texts and nothing are held here. */
function played(action: Action, value: Value): Value | undefined {
  if (action.type === 'read') return action.value === value ? value : undefined;
  if (action.type === 'write') return action.value;
  if (action.type === 'append')
    return (value ?? '') + action.value === '' ? null : `${value ?? ''}${action.value}`;
  const happened = action.from === value;
  if (action.matched !== null && action.matched !== happened) return undefined;
  return happened ? action.to : value;
}
