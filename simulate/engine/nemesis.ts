// Makes things go wrong over time, as the run's faults say: cuts, resets, twins, evictions, overload. Each kind begins
// again and again at random until the run heals; episodes last up to seconds.
import type { Cluster } from './cluster.ts';
import type { Faults } from './faults.ts';
import type { Instance } from './instance.ts';
import type { Member } from './member.ts';
import { EDGES_FROM } from './network.ts';
import { checkpointOf, loseStorage, mayLose, setBack } from './storage-loss.ts';

/** An object may go on answering from memory for so long after its successor has started. */
const ZOMBIE_MAX_MS = 30_000;
/** Nobody moves on for ever. */
const APART_MAX_MS = 8_000;

export class Nemesis {
  private readonly cluster: Cluster;
  private readonly edges: number;
  private readonly promised = new Map<Member, number>();
  private readonly pulled = new Map<Member, number>();
  /** Sources that somebody is kept from until their log has something of a later view than that. */
  private readonly hunts = new Map<Member, { readonly view: number; readonly meet: () => void }>();
  private newestView = 0;
  private isOver = false;
  /** An edge forgets what it has learned. */
  onStaleEdge: (edge: number) => void = () => {};

  constructor(cluster: Cluster, edges: number) {
    this.cluster = cluster;
    this.edges = edges;
  }

  start(): void {
    const { faults, chance } = this.cluster;
    this.repeat(faults.partition, () => this.partition());
    this.repeat(faults.oneWayPartition, () => this.oneWay());
    this.repeat(faults.edgePartition, () => this.edgeCut());
    this.repeat(faults.zombieTwin, () =>
      this.cluster.replace(this.anyMember(), chance.heavyTailed(500, ZOMBIE_MAX_MS)),
    );
    this.repeat(faults.eviction, () => {
      const member = this.anyMember();
      if (member.instance === null) return;
      this.cluster.happened('eviction', member);
      this.cluster.crash(member, 0);
    });
    this.repeat(faults.resetAll, () => {
      for (const member of this.cluster.members) {
        this.cluster.happened('reset-all', member);
        this.cluster.crash(member, chance.next() * 300);
      }
    });
    this.repeat(faults.storageLoss, () => {
      const member = this.anyMember();
      if (mayLose(this.cluster, member)) loseStorage(this.cluster, member);
    });
    this.repeat(faults.rollback, () => {
      const member = this.anyMember();
      const checkpoint = checkpointOf(this.cluster, member);
      this.cluster.scheduler.after(chance.heavyTailed(300, 10_000), () => {
        if (!this.isOver && mayLose(this.cluster, member)) setBack(this.cluster, member, checkpoint);
      });
    });
    this.repeat(faults.overload, () => {
      const member = this.anyMember();
      this.cluster.happened('overload', member);
      member.overloadedUntil = this.cluster.scheduler.now + chance.heavyTailed(100, 5_000);
    });
    this.repeat(faults.staleEdge, () => {
      this.cluster.happened('stale-edge', this.anyMember());
      this.onStaleEdge(chance.below(this.edges));
    });
  }

  /** After each step: whoever leads a new view is hunted, since what happens just then is what views are about. */
  look(member: Member, instance: Instance): void {
    const { state, isSuperseded } = instance;
    if (!isSuperseded && !this.isOver) {
      this.lookAtPromise(member, instance);
      this.lookAtPull(member, instance);
    }
    if (state.view <= this.newestView || isSuperseded || this.isOver) return;
    if (state.primary === null && state.election === null) return;
    this.newestView = state.view;
    const { chance, faults, scheduler } = this.cluster;
    if (!chance.hits(faults.primaryHunt)) return;
    scheduler.after(chance.heavyTailed(2, 2_000, 0.5), () => {
      if (!this.isOver) this.strike(member);
    });
  }

  /** What a member promised may be on its way while nobody knows of it any more. */
  private lookAtPromise(member: Member, { state }: Instance): void {
    const { chance, faults, scheduler, members } = this.cluster;
    if (state.joining === null || faults.promiseLoss === 0 || this.promised.get(member) === state.view)
      return;
    this.promised.set(member, state.view);
    if (!chance.hits(faults.promiseLoss)) return;
    // Whoever was promised stays where it is, and hears of that late; the others go on without it.
    const leader = members[state.view % members.length] as Member;
    if (leader !== member && members.length > 2 && chance.hits(0.6)) this.isolate(leader, member);
    scheduler.after(chance.heavyTailed(5, 1_000, 0.5), () => {
      if (!this.isOver && mayLose(this.cluster, member)) loseStorage(this.cluster, member);
    });
  }

  /**
   * A batch counts only while its source still promises the view: whoever pulls is cut off until the source has done
   * something else, and then only its questions get there, and the answers back.
   */
  private lookAtPull(member: Member, { state }: Instance): void {
    const waiting = this.hunts.get(member);
    if (waiting !== undefined && state.log.last.view > waiting.view) {
      this.hunts.delete(member);
      waiting.meet();
    }
    const { chance, faults, network, scheduler, members } = this.cluster;
    const source = members[state.election?.pull?.from ?? -1];
    if (source === undefined || faults.pullHunt === 0 || this.pulled.get(member) === state.view) return;
    this.pulled.set(member, state.view);
    if (this.hunts.has(source) || !chance.hits(faults.pullHunt)) return;
    this.cluster.happened('partition', member);
    const waysTo = (ids: readonly number[]): (readonly [number, number])[] =>
      ids.flatMap((id) => [[member.id, id] as const, [id, member.id] as const]);
    const toSource = waysTo([source.id]);
    const toRest = waysTo(members.map(({ id }) => id).filter((id) => id !== source.id && id !== member.id));
    for (const [from, to] of [...toSource, ...toRest]) network.cut(from, to);
    const mend = (ways: readonly (readonly [number, number])[]): void => {
      if (!this.isOver) for (const [from, to] of ways) network.mend(from, to);
    };
    const meet = (): void => {
      if (this.isOver) return;
      mend(toSource);
      network.passPullsOnly(member.id, source.id, true);
      scheduler.after(chance.heavyTailed(400, 3_000, 0.5), () => {
        network.passPullsOnly(member.id, source.id, false);
        mend(toRest);
      });
    };
    this.hunts.set(source, { view: state.view, meet });
    scheduler.after(APART_MAX_MS, () => {
      if (this.hunts.get(source)?.meet !== meet) return;
      this.hunts.delete(source);
      meet();
    });
  }

  private strike(member: Member): void {
    const { chance, members } = this.cluster;
    const drawn = chance.next();
    if (drawn < 0.2) {
      this.cluster.happened('crash-after-durable', member);
      this.cluster.crash(member, chance.between(0, 8_000));
      return;
    }
    // Some of the others may still hear it, or be heard.
    const others = members.filter((other) => other !== member && chance.hits(0.75));
    const [here, there] = [drawn < 0.7, drawn > 0.45];
    this.cluster.happened(here && there ? 'partition' : 'one-way-partition', member);
    this.cut(
      others.flatMap(({ id }) => {
        const ways: (readonly [number, number])[] = [];
        if (here) ways.push([member.id, id]);
        if (there) ways.push([id, member.id]);
        return ways;
      }),
    );
  }

  /** Nothing goes wrong any more; clocks keep their skew and drift, which are no faults that end. */
  heal(calm: Faults): void {
    this.isOver = true;
    const { cluster } = this;
    cluster.network.mendAll();
    for (const member of cluster.members) {
      member.overloadedUntil = 0;
      member.downUntil = 0;
      cluster.endZombie(member);
    }
    const { clockSkewMs, clockDrift } = cluster.faults;
    cluster.setFaults({ ...calm, clockSkewMs, clockDrift });
  }

  private repeat(everyMs: number | null, strike: () => void): void {
    if (everyMs === null) return;
    this.cluster.scheduler.after(this.cluster.chance.next() * 2 * everyMs, () => {
      if (this.isOver) return;
      strike();
      this.repeat(everyMs, strike);
    });
  }

  /** Cuts the ways for a while. */
  private cut(ways: readonly (readonly [from: number, to: number])[]): void {
    const { network, scheduler, chance } = this.cluster;
    for (const [from, to] of ways) network.cut(from, to);
    scheduler.after(chance.heavyTailed(400, 15_000, 0.6), () => {
      if (this.isOver) return;
      for (const [from, to] of ways) network.mend(from, to);
    });
  }

  /** One of the others is reached again before all are, and not the one that has lost its storage. */
  private isolate(member: Member, lost: Member): void {
    const { network, chance, scheduler, members } = this.cluster;
    this.cluster.happened('partition', member);
    const others = members.filter((other) => other !== member);
    const waysTo = (list: readonly Member[]): (readonly [number, number])[] =>
      list.flatMap(({ id }) => [[member.id, id] as const, [id, member.id] as const]);
    const mend = (list: readonly Member[]): void => {
      if (!this.isOver) for (const [from, to] of waysTo(list)) network.mend(from, to);
    };
    const first = chance.pick(others.filter((other) => other !== lost));
    for (const [from, to] of waysTo(others)) network.cut(from, to);
    scheduler.after(chance.heavyTailed(800, 8_000, 0.7), () => {
      mend([first]);
      scheduler.after(chance.between(300, 3_000), () => mend(others.filter((other) => other !== first)));
    });
  }

  /** Some members, and the edges on their side, apart from the others. */
  private partition(): void {
    const { chance, members } = this.cluster;
    const side = members.map(() => chance.hits(0.5));
    if (side.every((isHere) => isHere === side[0])) return;
    const ways: [number, number][] = [];
    for (const a of members) {
      this.cluster.happened('partition', a);
      for (const b of members) if (side[a.id] !== side[b.id]) ways.push([a.id, b.id]);
      if (side[a.id] === side[0]) continue;
      for (let edge = 0; edge < this.edges; edge++) {
        if (chance.hits(0.5)) continue;
        ways.push([EDGES_FROM + edge, a.id], [a.id, EDGES_FROM + edge]);
      }
    }
    this.cut(ways);
  }

  /** One member no longer hears the others, or they no longer hear it. */
  private oneWay(): void {
    const { chance, members } = this.cluster;
    const member = this.anyMember();
    const deaf = chance.hits(0.5);
    const others = members.filter((other) => other !== member && chance.hits(0.8));
    if (others.length === 0) return;
    this.cluster.happened('one-way-partition', member);
    this.cut(
      others.map((other) => (deaf ? ([other.id, member.id] as const) : ([member.id, other.id] as const))),
    );
  }

  private edgeCut(): void {
    const { chance, members } = this.cluster;
    const edge = EDGES_FROM + chance.below(this.edges);
    const cutOff = members.filter(() => chance.hits(0.6));
    for (const member of cutOff) this.cluster.happened('edge-partition', member);
    const direction = chance.below(3);
    this.cut(
      cutOff.flatMap(({ id }) => {
        const ways: (readonly [number, number])[] = [];
        if (direction !== 1) ways.push([edge, id]);
        if (direction !== 2) ways.push([id, edge]);
        return ways;
      }),
    );
  }

  /** Whoever leads the newest view, or is about to. */
  get primary(): Member {
    const { members } = this.cluster;
    return members[this.newestView % members.length] as Member;
  }

  /** The primary more often than the others. */
  private anyMember(): Member {
    const { chance, members } = this.cluster;
    return chance.hits(0.4) ? this.primary : chance.pick(members);
  }
}
