// The scripted origin without sockets: scripts, latencies, conditions, routes and the ledger.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawLatencyMs, type Latency } from '../../origin-mock/latency.ts';
import { createOrigin } from '../../origin-mock/origin.ts';
import * as recipes from '../../origin-mock/recipes.ts';
import { type FieldLine, fieldValue, patternBytes, type Reply } from '../../origin-mock/reply.ts';
import { parseAnswer, parseScript, type ScriptInput } from '../../origin-mock/script.ts';
import { covers } from '../../origin-mock/script-book.ts';
import { seededRandom } from '../../origin-mock/seeded-random.ts';

function originWith(...scripts: ScriptInput[]) {
  const origin = createOrigin({ name: 'a' });
  origin.scripts.add(...scripts);
  return (line: string, fields: readonly FieldLine[] = []) => {
    const [method = 'GET', target = '/'] = line.split(' ');
    return origin.reply({ method, target, fields, body: '', bodyBytes: 0 });
  };
}

/** An origin whose clock stands where the test puts it. */
function originAt(clock: { ms: number }, ...scripts: ScriptInput[]) {
  const origin = createOrigin({ name: 'a', now: () => clock.ms });
  origin.scripts.add(...scripts);
  return () => origin.reply({ method: 'GET', target: '/x', fields: [], body: '', bodyBytes: 0 });
}

function text(reply: Reply): string {
  return Buffer.concat([...reply.body.chunks]).toString();
}

describe('a script', () => {
  it('is written as the answer looks on the wire', () => {
    expect(parseAnswer('HTTP/1.1 404 Not Found\r\nX-A: 1\r\nX-A: b: c\r\n\r\nbody\r\n\r\nmore')).toEqual({
      status: 404,
      fields: [
        ['X-A', '1'],
        ['X-A', 'b: c'],
      ],
      body: 'body\r\n\r\nmore',
    });
    expect(parseAnswer('503')).toEqual({ status: 503, fields: [], body: '' });
    expect(parseAnswer(['200', 'ETag: "x"', '', 'hi'])).toEqual({
      status: 200,
      fields: [['ETag', '"x"']],
      body: 'hi',
    });
  });

  it.each([
    [{ answer: 'hello' }, 'Cannot use the answer: its first line is "hello", not a status'],
    [{ answer: '200\nno field line' }, 'Cannot use the answer: "no field line" is no field line'],
    [{ times: 0, fault: 'explode' }, /times: .*; fault: /],
    [{ latency: { type: 'fixed', ms: -1 } }, /latency\.ms/],
    [{ unknown: 1 }, /Unrecognized key: "unknown"/],
    [{ during: { forMs: 0 } }, /during\.forMs/],
    [{ during: { forMs: 20, everyMs: 10 } }, /during\.forMs: longer than everyMs/],
  ])('that is wrong says what is wrong: %j', (script, message) => {
    expect(() => parseScript(script)).toThrow(message);
  });

  it('decides until it is used up, then the next one that matches does', async () => {
    const ask = originWith(
      { on: 'GET /x', times: 2, answer: '500' },
      { on: '/x', times: 1, answer: '501' },
      { on: 'POST *', answer: '502' },
    );
    const statuses = [];
    for (const line of ['GET /x?q', 'GET /y', 'GET /x', 'POST /x', 'GET /x', 'POST /x']) {
      statuses.push((await ask(line)).status);
    }
    expect(statuses).toEqual([500, 200, 500, 501, 200, 502]);
  });

  it('may ask for field lines', async () => {
    const ask = originWith({ on: '*', when: ['If-None-Match: "a"', 'X-Any'], answer: '299' });
    expect((await ask('GET /', [['if-none-match', '"a"']])).status).toBe(200);
    expect(
      (
        await ask('GET /', [
          ['if-none-match', '"a"'],
          ['x-any', ''],
        ])
      ).status,
    ).toBe(299);
    expect(
      (
        await ask('GET /', [
          ['if-none-match', '"b"'],
          ['x-any', ''],
        ])
      ).status,
    ).toBe(200);
  });

  it('without an answer changes only what it names', async () => {
    const ask = originWith({ on: '/bytes/*', latency: { type: 'fixed', ms: 7 }, fault: 'reset-mid-body' });
    expect(await ask('GET /bytes/4')).toMatchObject({ status: 200, delayMs: 7, fault: 'reset-mid-body' });
    expect(text(await ask('GET /bytes/4'))).toBe('!"#$');
  });

  it('repeats the same errors for the same seed, at its ratio', async () => {
    const run = async () => {
      const ask = originWith({ on: '*', errorRatio: 0.3, errorStatus: 500 });
      const statuses: number[] = [];
      for (let i = 0; i < 2_000; i++) statuses.push((await ask('GET /')).status);
      return statuses;
    };
    const statuses = await run();
    expect(await run()).toEqual(statuses);
    // Binomial(2000, 0.3): mean 600, standard deviation 20.5; five of them leave 1 in 1.7 million outside.
    const errors = statuses.filter((status) => status === 500).length;
    expect(Math.abs(errors - 600)).toBeLessThan(103);
  });
});

describe('a script that applies now and then', () => {
  const statusesAt = async (script: ScriptInput, instants: readonly number[]) => {
    const clock = { ms: 5_000 };
    const ask = originAt(clock, script);
    const statuses: number[] = [];
    for (const ms of instants) {
      clock.ms = 5_000 + ms;
      statuses.push((await ask()).status);
    }
    return statuses;
  };

  it('counts from when it was added, and applies once', async () => {
    const script = { answer: '503', during: { fromMs: 100, forMs: 50 } };
    expect(await statusesAt(script, [0, 99, 100, 149, 150, 250])).toEqual([200, 200, 503, 503, 200, 200]);
  });

  it('or again after each period', async () => {
    const script = { answer: '503', during: { fromMs: 10, forMs: 30, everyMs: 100 } };
    expect(await statusesAt(script, [0, 10, 39, 40, 109, 110, 1_039, 1_040])).toEqual([
      200, 503, 503, 200, 200, 503, 503, 200,
    ]);
  });

  it('leaves the request to the next script meanwhile', async () => {
    const clock = { ms: 0 };
    const ask = originAt(clock, { answer: '503', during: { forMs: 50 } }, { answer: '299' });
    expect((await ask()).status).toBe(503);
    clock.ms = 50;
    expect((await ask()).status).toBe(299);
  });
});

describe('a recipe', () => {
  it.each([
    ['failFast', recipes.failFast(), { status: 503, delayMs: 0, fault: null }],
    ['slow', recipes.slow(400), { status: 200, delayMs: 400, fault: null }],
    ['resetBeforeHead', recipes.resetBeforeHead(), { fault: 'reset' }],
    [
      'resetMidBody',
      recipes.resetMidBody(100),
      { status: 200, fault: 'reset-mid-body', body: { bytes: 100 } },
    ],
    ['garbage', recipes.garbage(), { fault: 'garbage' }],
    ['silent', recipes.silent(), { fault: 'hang' }],
    ['silentAfterHead', recipes.silentAfterHead(), { fault: 'stall-mid-body', faultAfterBytes: 0 }],
  ] as const)('%s is the fault that it names', async (_, script, reply) => {
    expect(await originWith(script)('GET /')).toMatchObject(reply);
  });

  it('flapping is well first, and then resets', async () => {
    const clock = { ms: 0 };
    const ask = originAt(clock, recipes.flapping(300, 200));
    const faults: unknown[] = [];
    for (const ms of [0, 299, 300, 499, 500, 799, 800]) {
      clock.ms = ms;
      faults.push((await ask()).fault);
    }
    expect(faults).toEqual([null, null, 'reset', 'reset', null, null, 'reset']);
  });

  it('trickle gives one byte at a time', async () => {
    const { body } = await originWith(recipes.trickle(5, 20))('GET /');
    expect([...body.chunks].map(({ length }) => length)).toEqual([1, 1, 1, 1, 1]);
    expect(body.intervalMs).toBe(20);
  });

  it('comeBackLater says when', async () => {
    const reply = await originWith(recipes.comeBackLater(7))('GET /');
    expect([reply.status, fieldValue(reply.fields, 'retry-after')]).toEqual([503, '7']);
  });

  it('covers what it is told to cover', async () => {
    const ask = originWith(recipes.failFast('/users/*', 502));
    expect([(await ask('GET /up')).status, (await ask('GET /users/1')).status]).toEqual([200, 502]);
  });
});

describe('a pattern', () => {
  it.each([
    ['GET /x', 'GET', '/x?a=1', true],
    ['GET /x', 'POST', '/x', false],
    ['get /x', 'GET', '/x', true],
    ['/x', 'PURGE', '/x', true],
    ['/x?a=1', 'GET', '/x?a=1', true],
    ['/x?a=1', 'GET', '/x', false],
    ['/a*c*e', 'GET', '/abcde', true],
    ['/a*c*e', 'GET', '/abde', false],
    ['/ab*ba', 'GET', '/aba', false],
    ['* *', 'GET', '*', true],
    ['*', 'OPTIONS', '*', true],
  ])('%s against %s %s: %s', (on, method, target, expected) => {
    expect(covers(on, method, target)).toBe(expected);
  });

  it('agrees with a regular expression', () => {
    const piece = fc.constantFrom('a', 'b', '*', '/');
    fc.assert(
      fc.property(fc.array(piece), fc.array(fc.constantFrom('a', 'b', '/')), (pattern, subject) => {
        const path = `/${subject.join('')}`;
        const on = `/${pattern.join('')}`;
        const expected = new RegExp(`^${on.replaceAll('*', '.*')}$`).test(path);
        expect(covers(on, 'GET', path)).toBe(expected);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});

describe('a latency', () => {
  // Means of n = 20,000 draws: the tolerance is five standard errors, sd / sqrt(n) each.
  const n = 20_000;
  const cases: [Latency, number, number][] = [
    [{ type: 'fixed', ms: 12 }, 12, 0],
    [{ type: 'uniform', minMs: 10, maxMs: 30 }, 20, 20 / Math.sqrt(12)],
    [{ type: 'exponential', meanMs: 50 }, 50, 50],
    // Mean median·e^(σ²/2); standard deviation mean·sqrt(e^(σ²) − 1).
    [
      { type: 'lognormal', medianMs: 100, sigma: 0.5 },
      100 * Math.exp(0.125),
      100 * Math.exp(0.125) * Math.sqrt(Math.exp(0.25) - 1),
    ],
  ];
  it.each(cases)('%j has its mean', (latency, mean, sd) => {
    const random = seededRandom(7);
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const ms = drawLatencyMs(latency, random);
      expect(ms).toBeGreaterThanOrEqual(0);
      sum += ms;
    }
    expect(Math.abs(sum / n - mean)).toBeLessThanOrEqual((5 * sd) / Math.sqrt(n) + 1e-9);
  });
});

describe('conditions', () => {
  const ask = originWith(
    { on: '/weak', answer: '200\nETag: W/"a,b"\nContent-Type: text/plain\n\nx' },
    { on: '/dated', answer: '200\nLast-Modified: Sun, 06 Nov 1994 08:49:37 GMT\n\nx' },
    { on: '/always', answer: '200\nETag: "a"\n\nx', conditional: false },
    { on: '/error', answer: '500\nETag: "a"\n\nx' },
  );
  it.each([
    ['GET /weak', 'If-None-Match: "z", "a,b"', 304],
    ['HEAD /weak', 'If-None-Match: *', 304],
    ['GET /weak', 'If-None-Match: "a"', 200],
    ['POST /weak', 'If-None-Match: "a,b"', 200],
    ['GET /dated', 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT', 304],
    ['GET /dated', 'If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT', 200],
    ['GET /dated', 'If-Modified-Since: yesterday', 200],
    ['GET /dated', 'If-None-Match: "x"', 200],
    ['GET /always', 'If-None-Match: "a"', 200],
    ['GET /error', 'If-None-Match: "a"', 500],
  ])('%s with %s gives %i', async (line, field, status) => {
    const [name = '', value = ''] = field.split(/: (.*)/);
    const reply = await ask(line, [[name, value]]);
    expect(reply.status).toBe(status);
    if (status === 304) {
      expect(text(reply)).toBe('');
      expect(fieldValue(reply.fields, 'content-type')).toBeNull();
    }
  });
});

describe('unscripted paths', () => {
  it('say who answered', async () => {
    const reply = await originWith()('GET /a%2fb//c?d');
    expect(text(reply)).toBe('Hello from origin a: GET /a%2fb//c?d\n');
    expect(fieldValue(reply.fields, 'x-origin')).toBe('a');
  });

  it.each([
    ['GET /status/418', 418, ''],
    ['GET /respond?status=201&header=X-A:%201&header=X-A:2', 201, 'X-A: 1|X-A: 2'],
    ['GET /cache/60', 200, 'Cache-Control: public, max-age=60'],
    ['GET /etag/v1', 200, 'ETag: "v1"'],
    ['GET /sse?events=1', 200, 'Content-Type: text/event-stream'],
    ['OPTIONS *', 200, ''],
    ['GET http://x/', 200, ''],
  ])('%s gives %i %s', async (line, status, fields) => {
    const reply = await originWith()(line);
    expect(reply.status).toBe(status);
    const lines = reply.fields.map(([name, value]) => `${name}: ${value}`);
    for (const field of fields.split('|').filter(Boolean)) expect(lines).toContain(field);
  });

  it('give bytes whose pattern does not depend on how they were cut', async () => {
    const reply = await originWith({ on: '*', chunkBytes: 7, bodyBytes: 100 })('GET /');
    expect(Buffer.concat([...reply.body.chunks])).toEqual(Buffer.from(patternBytes(0, 100)));
  });
});

describe('the ledger', () => {
  it('shows requests as they stood on the wire, filtered, until it is cleared', () => {
    const { ledger } = createOrigin({ name: 'a' });
    const add = (method: string, target: string) =>
      ledger.record({
        at: 1,
        method,
        target,
        fields: [
          ['Via', '1.1 x'],
          ['Host', 'y'],
        ],
        connection: 1,
      });
    add('GET', '/a?b');
    add('POST', '/c')({ outcome: 'answered', status: 204 });
    expect(ledger.wire({ fields: ['via'] })).toEqual(['GET /a?b\nVia: 1.1 x', 'POST /c\nVia: 1.1 x']);
    expect(ledger.wire({ on: 'POST *' })).toEqual(['POST /c']);
    expect(ledger.wire({ after: 1 })).toEqual(['POST /c']);
    expect(ledger.entries({ on: '/c' })).toMatchObject([{ id: 2, outcome: 'answered', status: 204 }]);
    ledger.clear();
    expect(ledger.wire()).toEqual([]);
  });

  it('is bounded', () => {
    const { ledger } = createOrigin({ name: 'a' });
    for (let i = 0; i < 25_000; i++)
      ledger.record({ at: i, method: 'GET', target: '/', fields: [], connection: 0 });
    const entries = ledger.entries();
    expect(entries.length).toBeLessThanOrEqual(10_000);
    expect(entries.at(-1)?.id).toBe(25_000);
  });
});

describe('control', () => {
  it('refuses a wrong list of scripts as a whole', async () => {
    const origin = createOrigin({ name: 'a' });
    const control = (method: string, target: string, body = '') =>
      origin.control({ method, target, body, fields: [], bodyBytes: body.length });
    await control('PUT', '/__origin/scripts', '[{"on":"/x","answer":"500"}]');
    const refused = await control('PUT', '/__origin/scripts', '[{"on":"/y"},{"nonsense":1}]');
    expect(refused.status).toBe(400);
    expect(text(refused)).toContain('nonsense');
    expect(origin.scripts.list()).toMatchObject([{ on: '/x' }]);
    expect((await control('POST', '/__origin/scripts', '{')).status).toBe(400);
    expect((await control('GET', '/__origin/nothing')).status).toBe(404);
  });
});
