// An operation of a history on one key, and what it does to the value there: the whole model of the data. The value is a
// register that can be read, written, appended to, and compared and set.

/** What a key holds; null: nothing. */
export type Value = string | number | boolean | null;

export type Action =
  /** It answered `value`. */
  | { readonly type: 'read'; readonly value: Value }
  | { readonly type: 'write'; readonly value: Value }
  | { readonly type: 'append'; readonly value: string }
  /** `matched`: whether it found `from` and set `to`; null: nobody knows. */
  | { readonly type: 'cas'; readonly from: Value; readonly to: Value; readonly matched: boolean | null };

export interface Operation {
  readonly action: Action;
  /** Positions in real time: any integers from 0 that order all invocations and returns of the history. */
  readonly invokedAt: number;
  /** null: its outcome is not known; it took effect at any time after its invocation, or never. */
  readonly returnedAt: number | null;
}

/**
 * What the key holds after the action, or undefined if the action cannot have ended so where `value` was held. Only text
 * and nothing can be appended to.
 */
export function effectOf(action: Action, value: Value): Value | undefined {
  switch (action.type) {
    case 'read':
      return action.value === value ? value : undefined;
    case 'write':
      return action.value;
    case 'append':
      return value === null || typeof value === 'string'
        ? `${value ?? ''}${action.value}` || null
        : undefined;
    case 'cas': {
      const matches = action.from === value;
      if (action.matched !== null && action.matched !== matches) return undefined;
      return matches ? action.to : value;
    }
  }
}

/** Whether the action leaves every value as it is, so that its place in the order matters to nobody else. */
export function onlyObserves(action: Action): boolean {
  return action.type === 'read' || (action.type === 'cas' && action.matched === false);
}

/** Whether the action does the same whatever the value was: what stood there just before is never seen. */
export function isBlind(action: Action): boolean {
  return action.type === 'write';
}

/** Whether the action, while a value is held that it does not bring, certainly ends that. */
export function alwaysChanges(action: Action): boolean {
  if (action.type === 'cas') return action.matched === true && action.from !== action.to;
  return action.type === 'write' || (action.type === 'append' && action.value !== '');
}
