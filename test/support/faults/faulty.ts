// Makes a Durable Object class whose calls can be made to fail from outside, so that the product itself needs no seam
// for it. Alarms are left alone: a network does not lose them.
import type { DurableObject } from 'cloudflare:workers';
import { sufferFaults } from './fault-table.ts';

// A mixin's base must take any arguments (TypeScript handbook, "Mixins").
// biome-ignore lint/suspicious/noExplicitAny: the language asks for it here
type ObjectClass = new (...args: any[]) => DurableObject;
type Method = (this: DurableObject, ...args: unknown[]) => Promise<unknown>;

const NOT_CALLS = ['constructor', 'alarm', 'fetch'];

export function faulty<C extends ObjectClass>(Base: C): C {
  class Faulty extends Base {}
  for (const name of Object.getOwnPropertyNames(Base.prototype)) {
    const method: unknown = Base.prototype[name];
    if (NOT_CALLS.includes(name) || typeof method !== 'function') continue;
    Object.defineProperty(Faulty.prototype, name, {
      configurable: true,
      writable: true,
      value(this: DurableObject & { readonly ctx: DurableObjectState }, ...args: unknown[]) {
        return sufferFaults(this.ctx.id.toString(), name, () => (method as Method).apply(this, args));
      },
    });
  }
  return Faulty;
}
