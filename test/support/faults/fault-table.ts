// Which objects misbehave, and how, in this isolate: one table for the objects and for the tests that run beside them.

export type Fault =
  /** Every call fails before it is carried out, as when the network is cut. */
  | { readonly type: 'unreachable' }
  /** Every call is carried out so much later. */
  | { readonly type: 'delayed'; readonly delayMs: number }
  /** Every call is carried out, and its answer lost. */
  | { readonly type: 'answer-lost' };

export interface FaultRule {
  readonly fault: Fault;
  /** Of these calls only; null = of all. */
  readonly methods: readonly string[] | null;
  /** So many calls, then no more; null = until it is taken back. */
  callsLeft: number | null;
}

/** By object id as text. */
const rules = new Map<string, FaultRule>();

export function setFault(
  objectId: string,
  fault: Fault,
  { methods = null, calls = null }: { methods?: readonly string[] | null; calls?: number | null } = {},
): void {
  rules.set(objectId, { fault, methods, callsLeft: calls });
}

export function clearFault(objectId: string): void {
  rules.delete(objectId);
}

export function clearFaults(): void {
  rules.clear();
}

/** Carries the call out, or does to it what the table says. */
export async function sufferFaults<T>(objectId: string, method: string, call: () => Promise<T>): Promise<T> {
  const rule = rules.get(objectId);
  if (rule === undefined || !(rule.methods?.includes(method) ?? true) || rule.callsLeft === 0) return call();
  if (rule.callsLeft !== null) rule.callsLeft -= 1;
  const { fault } = rule;
  switch (fault.type) {
    case 'unreachable':
      throw networkError();
    case 'delayed':
      await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
      return call();
    case 'answer-lost':
      await call();
      throw networkError();
  }
}

function networkError(): Error {
  return Object.assign(new Error('Network connection lost.'), { retryable: true });
}
