// (f) Weights change again and again under load, while events and a download stream through: no user notices, no
// stream breaks, and what is known of a dead backend stays known.
import { row } from '../number-row.ts';
import { countBetween, failures } from './figures.ts';
import {
  documentOf,
  load,
  PROBE_PATH,
  prepare,
  type Run,
  reasonOf,
  type Stand,
  type StrategyType,
  untilReason,
} from './stand.ts';
import { pause } from './until.ts';

const CHANGE_EVERY_MS = 400;
const STREAM_EVERY_MS = 50;

interface Streamed {
  /** What kept it from its end; null when it came whole. */
  readonly broken: string | null;
}

async function stream(url: string, last: string): Promise<Streamed> {
  let text = '';
  try {
    const response = await fetch(url);
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString();
  } catch (error) {
    return { broken: String(error) };
  }
  return { broken: text.includes(last) ? null : `ended after ${text.length} characters` };
}

interface Verdict {
  readonly state: string;
  readonly since: number;
}

export async function weightsChange(stand: Stand, strategy: StrategyType): Promise<Run> {
  const { edge, origins, others, quick, victim } = stand;
  const name = `change-${strategy}`;
  const health = { path: PROBE_PATH, intervalMs: 3_600_000 };
  const document = documentOf(stand, name, strategy, { health });
  await prepare(stand, document);
  const verdictOf = async (): Promise<Verdict | undefined> => {
    const { pools } = await edge.admin<{
      pools: Record<string, { backends: Record<string, Verdict> }>;
    }>('GET', 'health');
    return pools[name]?.backends[victim.name];
  };

  const loop = await load(stand);
  const { visitors } = await victim.kill();
  await untilReason(stand, victim.name, ['unhealthy']);
  const before = await verdictOf();
  const changedAt = Date.now();

  const lastsMs = quick ? 4_000 : 10_000;
  const count = Math.ceil((lastsMs + 500) / STREAM_EVERY_MS);
  const streams = [
    stream(`${edge.url}/sse?events=${count}&intervalMs=${STREAM_EVERY_MS}`, `data: event ${count}\n`),
    stream(
      `${edge.url}/stream?chunks=${count}&intervalMs=${STREAM_EVERY_MS}`,
      `chunk ${count} of ${count}\n`,
    ),
  ];
  let changes = 0;
  while (Date.now() < changedAt + lastsMs) {
    changes++;
    const backends = origins.map(({ name: id, url }, i) => ({ id, url, weight: 1 + ((i + changes) % 4) }));
    await edge.admin('PATCH', `pools/${name}`, { backends });
    await pause(CHANGE_EVERY_MS);
  }
  const reason = await reasonOf(stand, victim.name);
  const after = await verdictOf();
  const broken = (await Promise.all(streams)).filter(({ broken }) => broken !== null);
  const { requests } = await loop.stop();
  const toTheDead = visitors.filter(({ head }) => /^GET \/user\//.test(head)).map(({ at }) => at);
  const isKept = after?.state === 'unhealthy' && after.since === before?.since;
  return {
    scenario: 'weights change under load',
    strategy,
    numbers: [
      row('client errors', failures(requests), 'count', '≤', 0),
      row('broken streams', broken.length, 'count', '≤', 0),
      row(
        'requests to the dead one while weights change',
        countBetween(toTheDead, changedAt, Number.POSITIVE_INFINITY),
        'count',
        '≤',
        0,
      ),
      row('verdicts lost', isKept && reason === 'unhealthy' ? 0 : 1, 'count', '≤', 0),
      row('requests', requests.length, 'count'),
    ],
    notes: [
      `${changes} versions, ${others.length} living backends, streams of ${(count * STREAM_EVERY_MS) / 1_000} s`,
      ...broken.map((one) => one.broken ?? ''),
    ],
  };
}
