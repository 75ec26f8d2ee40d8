// A step as a few words of the trace's hash and, on request, as a line: who, in which life, heard what, and did what.
import type { Effect } from '../../core/replication/effects.ts';
import type { ReplicaEvent } from '../../core/replication/messages.ts';
import type { Cluster } from './cluster.ts';
import type { Instance } from './instance.ts';

export function traceStep(
  cluster: Cluster,
  instance: Instance,
  event: ReplicaEvent,
  effects: readonly Effect[],
): void {
  const { trace, scheduler } = cluster;
  const { view, head, log } = instance.state;
  trace.mix(Math.floor((scheduler.now * 64) % 0x4000_0000));
  trace.mix(instance.memberId * 64 + effects.length);
  trace.mix(head.stateHash ^ Math.imul(log.last.op, 0x85eb_ca6b) ^ (view << 20) ^ head.commit);
  if (trace.print === null) return;
  const name = `${cluster.nameOf(instance.memberId)}.${instance.life}${instance.isSuperseded ? ' (superseded)' : ''}`;
  const place = `v${view} commit ${head.commit} of ${log.last.op}`;
  cluster.print(`${name}  ${describeEvent(event)}  [${place}]`);
  for (const effect of effects) cluster.print(`    ${describeEffect(effect)}`);
}

function describeEvent(event: ReplicaEvent): string {
  switch (event.type) {
    case 'message':
      return `<- m${event.message.from} v${event.message.view} ${brief(event.message.body)}`;
    case 'sendFailed':
      return `call to m${event.message.to} failed: ${brief(event.message.body)}`;
    case 'client':
      return `client ${event.id}: ${brief(event.request)}`;
    case 'clients':
      return event.clients.map(({ id, request }) => `client ${id}: ${brief(request)}`).join('; ');
    case 'timer':
      return `timer ${event.name}`;
    default:
      return event.type;
  }
}

function describeEffect(effect: Effect): string {
  switch (effect.type) {
    case 'persist':
      return `persist ${effect.writes.map((write) => brief(write)).join('; ')}`;
    case 'send':
      return `-> m${effect.message.to} ${brief(effect.message.body)}`;
    case 'reply':
      return `reply ${effect.id}: ${brief(effect.answer)}`;
    default:
      return brief(effect);
  }
}

/** As JSON without quotes, bytes as their number. */
export function brief(value: unknown): string {
  const text = JSON.stringify(value, (_, held) =>
    held instanceof Uint8Array ? `${held.byteLength} bytes` : held,
  );
  return (text ?? '').replaceAll('"', '').slice(0, 600);
}
