// Probes one pool's backends on behalf of every edge, so that the cost of knowing does not grow with their number.
// Alarm-driven: between probes the object may sleep, and a restart loses nothing.
import { DurableObject } from 'cloudflare:workers';
import { healthSchema } from '../core/config/health-schema.ts';
import type { Pool } from '../core/config/schema.ts';
import type { SuspicionAnswer } from '../core/load-balancing/suspicion-pacer.ts';
import type { Random } from '../core/random.ts';
import { seededRandom } from '../core/random.ts';
import { probe } from './health-monitor/probe.ts';
import { probeAll } from './health-monitor/probe-all.ts';
import type { MonitorState } from './health-monitor/probed-backends.ts';
import {
  dueBackends,
  EMPTY_STATE,
  earliestProbeAt,
  markReported,
  probedBackend,
  probeStates,
  redefine,
  takeProbe,
  unreportedVerdicts,
} from './health-monitor/probed-backends.ts';
import { SuspicionGate } from './health-monitor/suspicion-gate.ts';
import type { BackendProbeState, HealthMonitorRpc, ProbeRound } from './interfaces/health-monitor.ts';
import { directoryOf } from './other-objects.ts';

interface HealthMonitorEnv {
  readonly DIRECTORY: DurableObjectNamespace;
}

/** What the Directory said last. */
interface Assignment {
  readonly pool: string;
  readonly version: number;
  readonly definition: Pool | null;
}

/** As many connections as the platform lets one invocation wait for. */
const PROBES_AT_ONCE = 6;
/** Probes of one alarm: bounds its length to PROBES_PER_ALARM / PROBES_AT_ONCE time-outs. The rest follow at once. */
const PROBES_PER_ALARM = 120;
const REPORT_RETRY_MS = 1_000;
/** It is stored with the verdict. */
const SIGN_CHARACTERS_MAX = 100;

export class HealthMonitor extends DurableObject<HealthMonitorEnv> implements HealthMonitorRpc {
  readonly #random: Random;
  #assignment: Assignment | null;
  #state: MonitorState;
  #reporting = false;
  readonly #suspicions = new SuspicionGate();

  constructor(ctx: DurableObjectState, env: HealthMonitorEnv) {
    super(ctx, env);
    this.#random = seededRandom(crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS monitor (name TEXT PRIMARY KEY, value TEXT NOT NULL)');
    this.#assignment = completed(this.#read('assignment') as Assignment | null);
    this.#state = (this.#read('state') as MonitorState | null) ?? EMPTY_STATE;
    // Alarms end after six failures in a row; whoever wakes the object sets the next one.
    ctx.blockConcurrencyWhile(async () => {
      if ((await ctx.storage.getAlarm()) === null) await this.#arm();
    });
  }

  async configure(pool: string, version: number, definition: Pool | null): Promise<void> {
    if (this.#assignment !== null && version < this.#assignment.version) return;
    this.#assignment = { pool, version, definition };
    this.#state = redefine(this.#state, definition, Date.now());
    this.#write('assignment', this.#assignment);
    this.#write('state', this.#state);
    await this.#arm();
  }

  async status(): Promise<Record<string, BackendProbeState>> {
    return probeStates(this.#state);
  }

  async probeOnce(definition: Pool): Promise<ProbeRound> {
    return probeAll(definition, PROBES_AT_ONCE);
  }

  async suspect(pool: string, backend: string, sign: string): Promise<SuspicionAnswer> {
    const known = this.#assignment?.pool === pool ? probedBackend(this.#state, backend) : undefined;
    if (known === undefined || known.nextProbeAt === null) return 'not-probed';
    if (known.health.state === 'unhealthy') return 'confirmed';
    return this.#suspicions.verify(backend, Date.now(), async () => {
      const hasVerdict = await this.#probeOne(backend, sign.slice(0, SIGN_CHARACTERS_MAX));
      if (hasVerdict) await this.#report();
      else this.#write('state', this.#state);
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
    const waiting = dueBackends(this.#state, Date.now()).slice(0, PROBES_PER_ALARM);
    const reports: Promise<void>[] = [];
    const worker = async (): Promise<void> => {
      for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
        if (await this.#probeOne(id)) reports.push(this.#report());
      }
    };
    await Promise.all(Array.from({ length: PROBES_AT_ONCE }, worker));
    this.#write('state', this.#state);
    await Promise.all(reports);
  }

  /** True when it made a verdict: that is stored at once and does not wait for slower backends. */
  async #probeOne(id: string, suspicion?: string): Promise<boolean> {
    const backend = this.#assignment?.definition?.backends.find((candidate) => candidate.id === id);
    const check = this.#assignment?.definition?.health;
    if (backend === undefined || check === undefined) return false;
    const startedAt = Date.now();
    const result = await probe(backend, check);
    // The definition may have changed meanwhile: judge by the present one.
    const checkNow = this.#assignment?.definition?.health;
    if (checkNow === undefined) return false;
    const before = this.#state;
    const probed = { id, url: backend.url, startedAt, ...(suspicion === undefined ? {} : { suspicion }) };
    this.#state = takeProbe(before, probed, result, checkNow, Date.now(), this.#random);
    if (this.#state.epoch === before.epoch) return false;
    this.#write('state', this.#state);
    return true;
  }

  /** Tells the Directory every verdict it has not confirmed; one call at a time. Never throws: an alarm repeats it. */
  async #report(): Promise<void> {
    if (this.#reporting) return;
    this.#reporting = true;
    try {
      for (;;) {
        const verdicts = unreportedVerdicts(this.#state);
        if (this.#assignment === null || Object.keys(verdicts).length === 0) return;
        await directoryOf(this.env.DIRECTORY).reportVerdicts(this.#assignment.pool, verdicts);
        this.#state = markReported(this.#state, verdicts);
        this.#write('state', this.#state);
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

  #read(name: string): unknown {
    const rows = this.ctx.storage.sql.exec<{ value: string }>(
      'SELECT value FROM monitor WHERE name = ?',
      name,
    );
    const row = rows.toArray()[0];
    return row === undefined ? null : JSON.parse(row.value);
  }

  #write(name: string, value: unknown): void {
    this.ctx.storage.sql.exec(
      'INSERT INTO monitor VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      name,
      JSON.stringify(value),
    );
  }
}

/** What an earlier release stored lacks the fields that came later. */
function completed(assignment: Assignment | null): Assignment | null {
  const { definition } = assignment ?? {};
  if (!assignment || !definition?.health) return assignment;
  return { ...assignment, definition: { ...definition, health: healthSchema.parse(definition.health) } };
}
