// Which values must still be seen, and who could still bring them: an order that gave away the last chance of a value
// that somebody is known to have seen is a dead end, long before the search would come to whoever saw it. This is what
// keeps histories with distinct values quick, where the memo alone knows nothing.
import type { OnceHeld } from './certain-holds.ts';
import type { Action, Operation, Value } from './operation.ts';

/** Alike effects together: all that set one value, or all that append one text. */
interface Group {
  /** How many are not in the order yet. */
  left: number;
  /** The last one counted: the only one if `left` is 1 at the start. */
  unit: number;
  /** Awaited values that it can bring. */
  readonly brings: Awaited[];
}

interface Awaited {
  readonly value: Value;
  /** How many that need to find this value are not in the order yet. */
  count: number;
  readonly groups: Group[];
}

interface Unit {
  /** One of it: the earliest. */
  readonly operation: Operation;
  readonly group: Group | null;
  readonly awaits: Awaited[];
}

export class Demand {
  private readonly units: Unit[];
  private readonly awaited = new Map<Value, Awaited>();
  private readonly setting = new Map<Value, Group>();
  private readonly appending = new Map<string, Group>();
  private readonly appendLengths = new Set<number>();

  /**
   * A unit is one operation of known outcome, or several alike ones of unknown outcome. O(operations × distinct lengths of
   * appended texts + the length of the awaited values).
   */
  constructor(units: readonly (readonly Operation[])[]) {
    this.units = units.map((alikes, unit) => {
      const operation = alikes[0] as Operation;
      const group = this.groupOf(operation.action);
      if (group) {
        group.left += alikes.length;
        group.unit = unit;
      }
      return { operation, group, awaits: [] };
    });
    const pending: Awaited[] = [];
    const need = (unit: number, value: Value) => {
      let awaited = this.awaited.get(value);
      if (awaited === undefined) {
        awaited = { value, count: 0, groups: this.groupsThatBring(value) };
        for (const group of awaited.groups) group.brings.push(awaited);
        this.awaited.set(value, awaited);
        pending.push(awaited);
      }
      awaited.count++;
      this.units[unit]?.awaits.push(awaited);
    };
    this.units.forEach(({ operation: { action } }, unit) => {
      if (action.type === 'read') need(unit, action.value);
      if (action.type === 'cas' && action.matched) need(unit, action.from);
    });
    // The only one that can bring an awaited value must do so, and thus needs to find what it makes that value from.
    for (let awaited = pending.pop(); awaited !== undefined; awaited = pending.pop()) {
      const bringing = awaited.groups.filter(({ left }) => left > 0);
      const [only] = bringing;
      if (awaited.value === null || bringing.length !== 1 || only === undefined || only.left !== 1) continue;
      const action = this.units[only.unit]?.operation.action;
      if (action?.type === 'append')
        need(only.unit, String(awaited.value).slice(0, -action.value.length) || null);
      if (action?.type === 'cas' && action.matched === null) need(only.unit, action.from);
    }
  }

  /** Whether all that must be seen can be, from where `value` is held. O(awaited values). */
  isPossible(value: Value): boolean {
    return [...this.awaited.values()].every((awaited) => awaited.value === value || !isLost(awaited));
  }

  /** The values that are brought once at most, before the search begins. O(awaited values + operations). */
  heldOnce(): OnceHeld[] {
    const seers = new Map<Awaited, Operation[]>();
    this.units.forEach(({ awaits, operation }) => {
      for (const awaited of awaits) {
        const saw = seers.get(awaited) ?? [];
        seers.set(awaited, saw);
        saw.push(operation);
      }
    });
    const values: OnceHeld[] = [];
    for (const [awaited, saw] of seers) {
      const bringing = awaited.groups.filter(({ left }) => left > 0);
      const times = bringing.reduce((sum, { left }) => sum + left, 0);
      // The start brings nothing, once.
      if (times + (awaited.value === null ? 1 : 0) !== 1) continue;
      const bringer = bringing[0] === undefined ? null : (this.units[bringing[0].unit] as Unit).operation;
      values.push({ bringer, seers: saw });
    }
    return values;
  }

  /** Puts one of the unit into the order. */
  take(unit: number): void {
    this.count(unit, -1);
  }

  undo(unit: number): void {
    this.count(unit, 1);
  }

  /** Whether the unit that was just taken, and that turned `before` into `after`, has spoiled nothing. */
  isPossibleAfter(unit: number, before: Value, after: Value): boolean {
    const left = before === after ? undefined : this.awaited.get(before);
    if (left !== undefined && isLost(left)) return false;
    const group = this.units[unit]?.group;
    if (!group || group.left > 0) return true;
    return group.brings.every((awaited) => awaited.value === after || !isLost(awaited));
  }

  private count(unit: number, change: number): void {
    const { group, awaits } = this.units[unit] as Unit;
    if (group) group.left += change;
    for (const awaited of awaits) awaited.count += change;
  }

  private groupOf(action: Action): Group | null {
    if (action.type === 'append') {
      // The empty text makes nothing that was not there.
      if (action.value === '') return null;
      this.appendLengths.add(action.value.length);
      return groupIn(this.appending, action.value);
    }
    if (action.type === 'write') return groupIn(this.setting, action.value);
    return action.type === 'cas' && action.matched !== false ? groupIn(this.setting, action.to) : null;
  }

  private groupsThatBring(value: Value): Group[] {
    const groups = [this.setting.get(value)];
    if (typeof value === 'string') {
      for (const length of this.appendLengths) {
        if (length <= value.length) groups.push(this.appending.get(value.slice(-length)));
      }
    }
    return groups.filter((group) => group !== undefined);
  }
}

function groupIn<K>(groups: Map<K, Group>, key: K): Group {
  const group = groups.get(key) ?? { left: 0, unit: -1, brings: [] };
  groups.set(key, group);
  return group;
}

function isLost({ count, groups }: Awaited): boolean {
  return count > 0 && groups.every(({ left }) => left === 0);
}
