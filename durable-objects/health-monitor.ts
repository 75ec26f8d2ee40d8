// Probes one pool's backends on behalf of every edge, so that the cost of knowing does not grow with their number.
// Alarm-driven: between probes the object may sleep, and a restart loses nothing.
import { DurableObject } from 'cloudflare:workers';
import { checksOf, type HealthCheck, vantagesOf } from '../core/config/health-schema.ts';
import type { Pool } from '../core/config/schema.ts';
import type { SuspicionAnswer } from '../core/load-balancing/suspicion-pacer.ts';
import { aliveEveryMs } from '../core/load-balancing/vantage-majority.ts';
import type { Random } from '../core/random.ts';
import { seededRandom } from '../core/random.ts';
import { askVantages } from './health-monitor/ask-vantages.ts';
import type { Assignment } from './health-monitor/monitor-store.ts';
import { MonitorStore } from './health-monitor/monitor-store.ts';
import { probe } from './health-monitor/probe.ts';
import { probeAll } from './health-monitor/probe-all.ts';
import type { MonitorState } from './health-monitor/probed-backends.ts';
import {
  dueBackends,
  earliestProbeAt,
  markReported,
  probedBackend,
  probeStates,
  redefine,
  takeProbe,
  unreportedVerdicts,
} from './health-monitor/probed-backends.ts';
import { spareProved } from './health-monitor/spare-proved.ts';
import { SuspicionGate } from './health-monitor/suspicion-gate.ts';
import type { BackendProbeState, HealthMonitorRpc, ProbeRound } from './interfaces/health-monitor.ts';
import { directoryOf, healthMonitorOf } from './other-objects.ts';
import { within } from './within.ts';

interface HealthMonitorEnv {
  readonly DIRECTORY: DurableObjectNamespace;
  readonly HEALTH_MONITOR: DurableObjectNamespace;
}

/** As many connections as the platform lets one invocation wait for. */
const PROBES_AT_ONCE = 6;
/** Probes of one alarm: bounds its length to PROBES_PER_ALARM / PROBES_AT_ONCE time-outs. The rest follow at once. */
const PROBES_PER_ALARM = 120;
/** Requests of one alarm: the platform lets one invocation make 1,000, and one over would look like a dead backend. */
const REQUESTS_PER_ALARM = 900;
/** Of one check that follows redirects. */
const REQUESTS_PER_CHECK = 6;
const REPORT_RETRY_MS = 1_000;
/** For the Directory's word on what traffic proved: without it the probes are made. */
const PROOFS_WAIT_MS = 500;
/** It is stored with the verdict. */
const SIGN_CHARACTERS_MAX = 100;

export class HealthMonitor extends DurableObject<HealthMonitorEnv> implements HealthMonitorRpc {
  readonly #random: Random;
  readonly #store: MonitorStore;
  #assignment: Assignment | null;
  #state: MonitorState;
  #reporting = false;
  /** When the Directory last heard of us, epoch ms. */
  #heardAt = 0;
  /** This vantage's own probes for suspicions … */
  readonly #suspicions = new SuspicionGate();
  /** … and those in which it has all vantages asked. */
  readonly #rounds = new SuspicionGate();

  constructor(ctx: DurableObjectState, env: HealthMonitorEnv) {
    super(ctx, env);
    this.#random = seededRandom(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
    this.#store = new MonitorStore(ctx.storage.sql);
    this.#assignment = this.#store.readAssignment();
    this.#state = this.#store.readState();
    // Alarms end after six failures in a row; whoever wakes the object sets the next one.
    ctx.blockConcurrencyWhile(async () => {
      if ((await ctx.storage.getAlarm()) === null) await this.#arm();
    });
  }

  async configure(pool: string, vantage: string, version: number, definition: Pool | null): Promise<void> {
    if (this.#assignment !== null && version < this.#assignment.version) return;
    this.#assignment = { pool, vantage, version, definition };
    this.#state = redefine(this.#state, definition, Date.now());
    this.#store.writeAssignment(this.#assignment);
    this.#store.writeState(this.#state);
    await this.#arm();
  }

  async status(): Promise<Record<string, BackendProbeState>> {
    return probeStates(this.#state);
  }

  async probeOnce(definition: Pool, vantage: string): Promise<ProbeRound> {
    return probeAll(definition, vantage, PROBES_AT_ONCE);
  }

  async suspect(pool: string, backend: string, sign: string): Promise<SuspicionAnswer> {
    const others = this.#otherVantages();
    if (others.length === 0) return this.verify(pool, backend, sign);
    return this.#rounds.verify(backend, Date.now(), () =>
      askVantages([
        this.verify(pool, backend, sign),
        ...others.map((vantage) =>
          healthMonitorOf(this.env.HEALTH_MONITOR, pool, vantage).verify(pool, backend, sign),
        ),
      ]),
    );
  }

  async verify(pool: string, backend: string, sign: string): Promise<SuspicionAnswer> {
    const known = this.#assignment?.pool === pool ? probedBackend(this.#state, backend) : undefined;
    if (known === undefined || known.nextProbeAt === null) return 'not-probed';
    if (known.health.state === 'unhealthy') return 'confirmed';
    return this.#suspicions.verify(backend, Date.now(), async () => {
      const hasVerdict = await this.#probeOne(backend, sign.slice(0, SIGN_CHARACTERS_MAX));
      if (hasVerdict) await this.#report();
      else this.#store.writeState(this.#state);
      await this.#arm();
      return probedBackend(this.#state, backend)?.health.state === 'unhealthy' ? 'confirmed' : 'refuted';
    });
  }

  /** Whatever goes wrong, the next alarm is set. */
  override async alarm(): Promise<void> {
    try {
      await this.#probeDue();
      await this.#report();
    } catch (error) {
      console.error(`Cannot finish a round of probes of pool "${this.#assignment?.pool}": ${String(error)}`);
    } finally {
      await this.#arm();
    }
  }

  async #probeDue(): Promise<void> {
    const health = this.#assignment?.definition?.health;
    if (health === undefined) return;
    if (health.skipWhenTrafficProves) await this.#spareProved();
    const waiting = dueBackends(this.#state, Date.now()).slice(0, backendsPerAlarm(health));
    const probesAny = waiting.length > 0;
    const reports: Promise<void>[] = [];
    const worker = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        if (await this.#probeOne(id)) reports.push(this.#report());
      }
    };
    await Promise.all(Array.from({ length: PROBES_AT_ONCE }, worker));
    this.#store.writeState(this.#state);
    await Promise.all(reports);
    if (probesAny) await this.#sayAlive(health.intervalMs);
  }

  async #spareProved(): Promise<void> {
    const pool = this.#assignment?.pool;
    if (pool === undefined || dueBackends(this.#state, Date.now()).length === 0) return;
    let ages: ReadonlyMap<string, number>;
    try {
      ages = new Map(await within(PROOFS_WAIT_MS, directoryOf(this.env.DIRECTORY).proofsOf(pool)));
    } catch (error) {
      console.warn(`Cannot hear what traffic proved of pool "${pool}": ${String(error)}`);
      return;
    }
    // The definition may have changed meanwhile.
    const health = this.#assignment?.definition?.health;
    if (!health?.skipWhenTrafficProves) return;
    const due = dueBackends(this.#state, Date.now());
    this.#state = spareProved(this.#state, due, ages, health, Date.now(), this.#random);
  }

  /** Alone it need not: then there is no vote that its silence could distort. */
  async #sayAlive(intervalMs: number): Promise<void> {
    if (this.#otherVantages().length === 0 || Date.now() - this.#heardAt < aliveEveryMs(intervalMs)) return;
    await this.#report(true);
  }

  #otherVantages(): readonly string[] {
    const health = this.#assignment?.definition?.health;
    return health ? vantagesOf(health).filter((vantage) => vantage !== this.#assignment?.vantage) : [];
  }

  /** True when it made a verdict: to be reported at once, without waiting for slower backends. */
  async #probeOne(id: string, suspicion?: string): Promise<boolean> {
    const backend = this.#assignment?.definition?.backends.find((candidate) => candidate.id === id);
    const check = this.#assignment?.definition?.health;
    if (backend === undefined || check === undefined) return false;
    const startedAt = Date.now();
    const result = await probe(backend, check, this.#assignment?.vantage);
    // The definition may have changed meanwhile: judge by the present one.
    const checkNow = this.#assignment?.definition?.health;
    if (checkNow === undefined) return false;
    const before = this.#state;
    const probed = { id, url: backend.url, startedAt, ...(suspicion === undefined ? {} : { suspicion }) };
    this.#state = takeProbe(before, probed, result, checkNow, Date.now(), this.#random);
    return this.#state.epoch !== before.epoch;
  }

  /**
   * Tells the Directory every verdict it has not confirmed, or, if there is none and `isSignOfLife`, just that; one
   * call at a time. What is told is stored before, so that no restart gives its number to another verdict. Never
   * throws: an alarm repeats it.
   */
  async #report(isSignOfLife = false): Promise<void> {
    if (this.#reporting) return;
    this.#reporting = true;
    try {
      for (let mustSpeak = isSignOfLife; ; mustSpeak = false) {
        const verdicts = unreportedVerdicts(this.#state);
        if (this.#assignment === null || (!mustSpeak && Object.keys(verdicts).length === 0)) return;
        this.#store.writeState(this.#state);
        const { pool, vantage } = this.#assignment;
        await directoryOf(this.env.DIRECTORY).reportVerdicts(pool, vantage, verdicts);
        this.#heardAt = Date.now();
        this.#state = markReported(this.#state, verdicts);
        this.#store.writeState(this.#state);
      }
    } catch (error) {
      console.warn(`Cannot report the health of pool "${this.#assignment?.pool}" yet: ${String(error)}`);
    } finally {
      this.#reporting = false;
    }
  }

  /** Sets the one alarm for the next thing to do, or clears it when there is none. */
  async #arm(): Promise<void> {
    const probeAt = earliestProbeAt(this.#state);
    const hasUnreported = Object.keys(unreportedVerdicts(this.#state)).length > 0;
    const retryAt = hasUnreported ? Date.now() + REPORT_RETRY_MS : null;
    if (probeAt === null && retryAt === null) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Math.min(probeAt ?? Infinity, retryAt ?? Infinity));
  }
}

function backendsPerAlarm(health: HealthCheck): number {
  const requests = checksOf(health)
    .map(({ followRedirects }) => (followRedirects ? REQUESTS_PER_CHECK : 1))
    .reduce((sum, ofCheck) => sum + ofCheck, 0);
  return Math.min(PROBES_PER_ALARM, Math.floor(REQUESTS_PER_ALARM / requests));
}
