// Remote procedure calls over the simulated network: an edge asks a member, a member calls another. A call may be lost on
// the way there, or on the way back when it has been carried out, and fail aloud or without a word.
import type {
  ClientAnswer,
  ClientRequest,
  Message,
  MessageBody,
  ReplicaEvent,
} from '../../core/replication/messages.ts';
import { relayTarget } from '../../core/replication/relay.ts';
import type { Cluster } from './cluster.ts';
import type { Instance } from './instance.ts';
import type { Member, Try } from './member.ts';
import type { Place } from './network.ts';
import { forsake } from './storage-loss.ts';

/** How long a primary has to answer what was handed on. */
const RELAY_MS = 700;

/**
 * A client's try, by way of an edge; `hear` hears at most once, or never where an answer got lost without a word.
 * Several requests are one call, and get their answers one by one. `wantsRelay`: what the member refuses is handed on
 * to the primary.
 */
export function askMember(
  cluster: Cluster,
  from: Place,
  member: Member,
  requests: readonly ClientRequest[],
  hear: (outcome: Try, index: number) => void,
  wantsRelay = false,
): void {
  const { id } = member;
  const back = (outcome: Try, index: number): void => {
    if (cluster.network.loses(id, from)) {
      if (cluster.chance.hits(cluster.faults.silent)) return;
      outcome = { type: 'threw', overloaded: false };
    } else if (cluster.chance.hits(cluster.faults.errorAfterExecution)) {
      cluster.happened('error-after-execution', member);
      outcome = { type: 'threw', overloaded: false };
    }
    cluster.later(id, from, () => hear(outcome, index));
  };
  const fail = (overloaded: boolean): void => {
    for (let i = 0; i < requests.length; i++)
      cluster.later(id, from, () => hear({ type: 'threw', overloaded }, i));
  };
  if (cluster.network.loses(from, id)) {
    if (!cluster.chance.hits(cluster.faults.silent)) fail(false);
    return;
  }
  cluster.later(from, id, () => {
    if (member.overloadedUntil > cluster.scheduler.now) {
      fail(true);
      return;
    }
    const instance = cluster.reached(member, from);
    if (instance === null) {
      fail(false);
      return;
    }
    // As the runtime has it: what is no news is no event.
    const known = instance.state.head.boundSince;
    const clients = requests.flatMap((request, index) => {
      if (request.type === 'bound' && request.since <= known) return [];
      const call = instance.nextCall++;
      instance.callers.set(call, (answer) => {
        instance.callers.delete(call);
        const primary = wantsRelay && answer !== null ? relayOf(cluster, instance, answer) : null;
        if (primary !== null) {
          handOn(cluster, id, primary, request, (outcome) => back(outcome, index));
          return;
        }
        back(
          answer === null
            ? { type: 'threw', overloaded: false }
            : { type: 'answered', answer, view: instance.state.view },
          index,
        );
      });
      return [{ id: call, request }];
    });
    const [only] = clients;
    const event: ReplicaEvent =
      clients.length === 1 && only !== undefined ? { type: 'client', ...only } : { type: 'clients', clients };
    cluster.run(instance, event, null);
  });
}

const LEAVING: ReadonlySet<MessageBody['type']> = new Set(['exitView', 'joinView']);

/** Whom the member hands on what it refused; null: it does not. */
function relayOf(cluster: Cluster, instance: Instance, { type }: ClientAnswer): Member | null {
  if ((type !== 'not-primary' && type !== 'not-ready') || instance.isGone) return null;
  const target = relayTarget(instance.state, instance.clock(cluster.scheduler.now));
  return target === null ? null : cluster.member(target);
}

/** As the runtime does it: one hop, and not for long. */
function handOn(
  cluster: Cluster,
  from: Place,
  primary: Member,
  request: ClientRequest,
  hear: (outcome: Try) => void,
): void {
  let isOpen = true;
  const settle = (outcome: Try): void => {
    if (isOpen) hear(outcome);
    isOpen = false;
  };
  cluster.scheduler.after(RELAY_MS, () => settle({ type: 'threw', overloaded: false }));
  askMember(cluster, from, primary, [request], settle);
}

/** A message to another member: what it answers, or that the call failed, is an event for the object that called. */
export function callMember(cluster: Cluster, instance: Instance, message: Message): void {
  cluster.messagesSent += 1;
  const { type } = message.body;
  cluster.sentByType.set(type, (cluster.sentByType.get(type) ?? 0) + 1);
  const id = instance.memberId;
  const to = cluster.member(message.to);
  if (type === 'hello' && cluster.member(id).unheard.has(to.id)) {
    greetForSure(cluster, instance, message);
    return;
  }
  const hear = (event: ReplicaEvent): void => {
    cluster.later(to.id, id, () => cluster.run(instance, event, null));
  };
  const fail = (): void => {
    if (!cluster.chance.hits(cluster.faults.silent)) hear({ type: 'sendFailed', message });
  };
  const deliver = (): void => {
    const reached = to.overloadedUntil > cluster.scheduler.now ? null : cluster.reached(to, id);
    if (reached === null) {
      fail();
      return;
    }
    const answer = (back: Message | null): void => {
      if (cluster.network.loses(to.id, id, back?.body.type)) fail();
      else if (cluster.chance.hits(cluster.faults.errorAfterExecution)) {
        cluster.happened('error-after-execution', to);
        fail();
      } else if (back !== null) hear({ type: 'message', message: back });
    };
    cluster.run(reached, { type: 'message', message }, { from: id, answer, fail });
  };
  if (cluster.network.loses(id, to.id, type)) fail();
  else if (LEAVING.has(type) && cluster.chance.hits(cluster.faults.lateLeaving)) {
    // What is said of a view that is left arrives when that may be over.
    cluster.happened('delay', to);
    cluster.scheduler.after(cluster.chance.heavyTailed(300, 5_000, 0.5), deliver);
  } else cluster.later(id, to.id, deliver);
  // Also of one that was lost; not where nothing gets through.
  if (!cluster.network.isCut(id, to.id) && cluster.chance.hits(cluster.faults.duplicate)) {
    cluster.happened('duplicate', to);
    cluster.later(id, to.id, deliver);
  }
}

/** A storage that was set back is found out before it votes: nothing gets lost, and nothing else reaches it before. */
function greetForSure(cluster: Cluster, instance: Instance, message: Message): void {
  const member = cluster.member(instance.memberId);
  const to = cluster.member(message.to);
  const asked = member.unheard.get(to.id);
  // Either has gone meanwhile, with its memory: then the operator announces what he has done.
  const announce = (): void => {
    if (member.isSetBack && !member.isTold) forsake(cluster, member);
  };
  const hear = (answer: Message | null): void => {
    cluster.scheduler.after(cluster.chance.next() * 20, () => {
      if (instance.isGone || answer === null) {
        announce();
        return;
      }
      // Its successor has to hear of it itself.
      if (member.instance === instance) member.unheard.delete(to.id);
      cluster.run(instance, { type: 'message', message: answer }, null);
    });
  };
  cluster.scheduler.after(cluster.chance.next() * 20, () => {
    if (instance.isGone || asked === undefined || to.instance !== asked) announce();
    else
      cluster.run(
        asked,
        { type: 'message', message },
        { from: member.id, answer: hear, fail: () => hear(null) },
      );
  });
}
