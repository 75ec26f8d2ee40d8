// The linearizability checker: against a judge that tries every order, on histories made and spoiled, on small ones of
// both notations whose verdict is plain, on recorded ones where they are at hand; and its command line.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findOrder, type Verdict } from '../../linearize/find-order.ts';
import { firstViolation } from '../../linearize/first-violation.ts';
import { judge } from '../../linearize/judge.ts';
import type { Operation } from '../../linearize/operation.ts';
import { readHistory } from '../../linearize/read-history.ts';
import { Remembered } from '../../linearize/remembered.ts';
import { hasOrder, play, spoil, spoilingArbitrary, stepsArbitrary } from '../support/made-histories.ts';

const MIB = 1024 * 1024;
const verdictOf = (operations: readonly Operation[]) => findOrder(operations, { bytesLeft: 64 * MIB });
const judgeText = (text: string) => judge(readHistory(text), 64 * MIB);

describe('the search', () => {
  it('judges as one who tries every order does, good histories and spoiled ones', () => {
    const seen: Record<Verdict, number> = { linearizable: 0, 'not-linearizable': 0, unknown: 0 };
    fc.assert(
      fc.property(
        stepsArbitrary({ min: 3, max: 6, overlap: 30 }),
        fc.array(spoilingArbitrary, { maxLength: 3 }),
        (steps, spoilings) => {
          const history = spoilings.reduce(
            (spoiled, spoiling) => (spoiled.length > 0 ? spoil(spoiled, spoiling) : spoiled),
            play(steps),
          );
          const verdict = verdictOf(history);
          seen[verdict]++;
          expect(verdict).toBe(hasOrder(history) ? 'linearizable' : 'not-linearizable');
        },
      ),
      { seed: 4, numRuns: 6000 },
    );
    // Neither verdict is rare among them, or the comparison would say little.
    expect(Math.min(seen.linearizable, seen['not-linearizable'])).toBeGreaterThan(1000);
  });

  it.each([
    { what: 'of few values', distinct: false },
    { what: 'where each write has a value of its own', distinct: true },
  ])(
    'finds an order for long histories that have one, and none with a stale read at the end: $what',
    ({ distinct }) => {
      const change = (value: string, at: number): Operation => ({
        action: { type: 'write', value },
        invokedAt: at,
        returnedAt: at + 1,
      });
      const see = (value: string, at: number): Operation => ({
        ...change(value, at),
        action: { type: 'read', value },
      });
      fc.assert(
        fc.property(stepsArbitrary({ min: 50, max: 200, overlap: 25, distinct }), (steps) => {
          const history = play(steps);
          const end = Math.max(...history.map(({ invokedAt, returnedAt }) => returnedAt ?? invokedAt));
          history.push(change('older', end + 1), change('newer', end + 3));
          expect(verdictOf([...history, see('newer', end + 5)])).toBe('linearizable');
          const stale = see('older', end + 5);
          expect(verdictOf([...history, stale])).toBe('not-linearizable');
          expect(firstViolation([...history, stale], 64 * MIB)).toBe(stale);
        }),
        { seed: 5, numRuns: 30 },
      );
    },
  );

  it('remembers where it was, and takes for worse only who has used more open operations', () => {
    const remembered = new Remembered({ bytesLeft: MIB });
    expect(remembered.add('done', [1, 1])).toBe(true);
    expect(remembered.add('done', [1, 1])).toBe(false);
    expect(remembered.add('done', [1, 2])).toBe(false);
    expect(remembered.add('done', [0, 2])).toBe(true);
    expect(remembered.add('done', [0, 1])).toBe(true);
    expect(remembered.add('done', [1, 1])).toBe(false);
    expect(remembered.add('other', [1, 1])).toBe(true);
  });

  it('gives up within its memory, and says so', () => {
    // Twenty overlapping writes, and a compare-and-set that none of their orders lets pass.
    const writes = Array.from({ length: 20 }, (_, i) => ({
      action: { type: 'write' as const, value: i },
      invokedAt: i,
      returnedAt: 100 + i,
    }));
    const failed = (i: number): Operation => ({
      action: { type: 'cas', from: i, to: -1, matched: false },
      invokedAt: 200,
      returnedAt: 300 + i,
    });
    const history = [...writes, ...writes.map((_, i) => failed(i))];
    expect(findOrder(history, { bytesLeft: MIB })).toBe('unknown');
    expect(judge(new Map([['x', history]]), MIB)).toMatchObject({ verdict: 'unknown', key: 'x' });
  });
});

/** A log of a register: `3 ok read 4` a line. */
const log = (...events: string[]) =>
  events
    .map((event) => {
      const [process, type, f, ...value] = event.split(' ');
      return `INFO  jepsen.util - ${process}\t:${type}\t:${f}\t${value.join(' ')}\n`;
    })
    .join('');

/** A key-value store's: `0 ok append k "x"` a line. */
const maps = (...events: string[]) =>
  events
    .map((event) => {
      const [process, type, f, key, ...value] = event.split(' ');
      return `{:process ${process}, :type :${type}, :f :${f}, :key "${key}", :value ${value.join(' ')}}\n`;
    })
    .join('');

const PLAIN: readonly { title: string; text: string; verdict: Verdict }[] = [
  {
    title: 'a read before any write finds nothing',
    text: log('0 invoke read nil', '0 ok read nil'),
    verdict: 'linearizable',
  },
  {
    title: 'a read during a write may see it or not',
    text: log('0 invoke write 1', '1 invoke read nil', '1 ok read 1', '0 ok write 1'),
    verdict: 'linearizable',
  },
  {
    title: 'what one read saw a later one may not miss',
    text: log(
      '0 invoke write 1',
      '1 invoke read nil',
      '1 ok read 1',
      '1 invoke read nil',
      '1 ok read nil',
      '0 ok write 1',
    ),
    verdict: 'not-linearizable',
  },
  {
    title: 'a read may not miss a write that had ended',
    text: log('0 invoke write 1', '0 ok write 1', '0 invoke read nil', '0 ok read nil'),
    verdict: 'not-linearizable',
  },
  {
    title: 'a write that timed out may happen much later',
    text: log(
      '0 invoke write 1',
      '0 info write :timed-out',
      '1 invoke write 2',
      '1 ok write 2',
      '2 invoke read nil',
      '2 ok read 2',
      '2 invoke read nil',
      '2 ok read 1',
    ),
    verdict: 'linearizable',
  },
  {
    title: 'it happens only once',
    text: log(
      '0 invoke write 1',
      '0 info write :timed-out',
      '1 invoke read nil',
      '1 ok read 1',
      '1 invoke write 2',
      '1 ok write 2',
      '1 invoke read nil',
      '1 ok read 1',
    ),
    verdict: 'not-linearizable',
  },
  {
    title: 'and not before it was invoked',
    text: log('1 invoke read nil', '1 ok read 1', '0 invoke write 1', '0 info write :timed-out'),
    verdict: 'not-linearizable',
  },
  {
    title: 'a write left open at the end may have happened',
    text: log('0 invoke write 1', '1 invoke read nil', '1 ok read 1'),
    verdict: 'linearizable',
  },
  {
    title: 'a write that failed has not',
    text: log('0 invoke write 1', '0 fail write 1', '1 invoke read nil', '1 ok read 1'),
    verdict: 'not-linearizable',
  },
  {
    title: 'a read that failed tells nothing, and the fault injector does nothing',
    text: log(':nemesis info start nil', '0 invoke read nil', '0 fail read :timed-out'),
    verdict: 'linearizable',
  },
  {
    title: 'a compare-and-set that failed did not match',
    text: log('0 invoke write 1', '0 ok write 1', '0 invoke cas [1 2]', '0 fail cas [1 2]'),
    verdict: 'not-linearizable',
  },
  {
    title: 'of two that compare with the same value one fails',
    text: log(
      '0 invoke write 1',
      '0 ok write 1',
      '0 invoke cas [1 2]',
      '1 invoke cas [1 3]',
      '1 ok cas [1 3]',
      '0 ok cas [1 2]',
    ),
    verdict: 'not-linearizable',
  },
  {
    title: 'one that timed out may explain what another found',
    text: log(
      '0 invoke write 1',
      '0 ok write 1',
      '0 invoke cas [1 2]',
      '0 info cas :timed-out',
      '1 invoke cas [2 3]',
      '1 ok cas [2 3]',
    ),
    verdict: 'linearizable',
  },
  {
    title: 'a store answers the empty text where there is nothing',
    text: maps('0 invoke get a nil', '0 ok get a ""'),
    verdict: 'linearizable',
  },
  {
    title: 'appends that overlap come in the order that is read',
    text: maps(
      '0 invoke append a "x"',
      '1 invoke append a "y"',
      '0 ok append a "x"',
      '1 ok append a "y"',
      '0 invoke get a nil',
      '0 ok get a "yx"',
    ),
    verdict: 'linearizable',
  },
  {
    title: 'appends one after the other come in that order',
    text: maps(
      '0 invoke append a "x"',
      '0 ok append a "x"',
      '1 invoke append a "y"',
      '1 ok append a "y"',
      '0 invoke get a nil',
      '0 ok get a "yx"',
    ),
    verdict: 'not-linearizable',
  },
  {
    title: 'a put replaces what was appended',
    text: maps(
      '0 invoke append a "x"',
      '0 ok append a "x"',
      '0 invoke put a "y"',
      '0 ok put a "y"',
      '0 invoke get a nil',
      '0 ok get a "xy"',
    ),
    verdict: 'not-linearizable',
  },
  {
    title: 'a key may be emptied again',
    text: maps(
      '0 invoke get a nil',
      '0 ok get a ""',
      '0 invoke put a "x"',
      '0 ok put a "x"',
      '0 invoke put a ""',
      '0 ok put a ""',
      '0 invoke get a nil',
      '0 ok get a ""',
    ),
    verdict: 'linearizable',
  },
  {
    title: 'keys are independent',
    text: maps(
      '0 invoke put a "1"',
      '0 ok put a "1"',
      '0 invoke get b nil',
      '0 ok get b ""',
      '1 invoke get a nil',
      '1 ok get a "1"',
    ),
    verdict: 'linearizable',
  },
  {
    title: 'one bad key spoils the history',
    text: maps('0 invoke put a "1"', '0 ok put a "1"', '0 invoke get b nil', '0 ok get b "1"'),
    verdict: 'not-linearizable',
  },
];

describe('a small history', () => {
  it.each(PLAIN)('$title', ({ text, verdict }) => {
    expect(judgeText(text).verdict).toBe(verdict);
  });

  it('names the key and the operation with which it stops being linearizable', () => {
    const text = maps(
      '0 invoke put a "1"',
      '0 ok put a "1"',
      '0 invoke get b nil',
      '0 ok get b "1"',
      '0 invoke get b nil',
      '0 ok get b "2"',
    );
    expect(judgeText(text)).toMatchObject({
      key: '"b"',
      violation: { action: { type: 'read' }, invokedAt: 3, returnedAt: 4 },
    });
  });
});

describe('the place of a violation', () => {
  it('is the end that gave the lie to an earlier answer', () => {
    const text = log(
      '0 invoke write 1',
      '0 ok write 1',
      '0 invoke cas [1 2]',
      '1 invoke read nil',
      '1 ok read 2',
      '0 fail cas [1 2]',
    );
    expect(judgeText(text).violation).toMatchObject({ action: { type: 'cas' }, returnedAt: 6 });
  });
});

describe('what is no history', () => {
  it.each([
    { text: '', says: 'it holds no event' },
    { text: 'nonsense\n', says: 'line 1 is no event: not understood: nonsense' },
    { text: log('0 invoke read nil', '0 okay read nil'), says: 'line 2 is no event: its type is :okay' },
    { text: log('0 ok read nil'), says: 'line 1: process 0 ends an operation that it has not invoked' },
    { text: log('0 invoke read nil', '0 invoke read nil'), says: 'while its operation of line 1 is still' },
    { text: log('0 invoke read nil', '0 ok write 1'), says: 'line 2: process 0 ends another operation' },
    { text: log('0 invoke write 1', '0 ok write 2'), says: 'line 2: process 0 ends with 2 what it began' },
    { text: log('0 invoke cas 1', '0 ok cas 1'), says: 'compares and sets without [from to]' },
    { text: log('0 invoke write [1]', '0 ok write [1]'), says: 'has the value [1]' },
    { text: log('0 invoke write 9007199254740993'), says: 'the number 9007199254740993 is too large' },
    { text: log('0 invoke delete 1'), says: 'line 1: process 0 does :delete; known are' },
    { text: maps('0 invoke put a 1'), says: 'has the value 1 where a string belongs' },
    { text: '{:process 0, :type :invoke, :value nil}\n', says: 'line 1 is no event: it has no :f' },
    { text: '{:process 0, :type :invoke, :f :get\n', says: 'line 1 is no event: it ends too early' },
    { text: '{:process 0} {:process 1}\n', says: 'line 1 is no event: more text follows' },
    { text: '{:process 0 :process 1}\n', says: 'a map has the key :process twice' },
  ])('is refused by the line: $says', ({ text, says }) => {
    expect(() => readHistory(text)).toThrow(says);
  });
});

describe('the command line', () => {
  const main = fileURLToPath(new URL('../../linearize/main.ts', import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), 'roundel-histories-'));
  const linearize = (...args: string[]) => {
    const env = { ...process.env, INIT_CWD: folder };
    return spawnSync(process.execPath, [main, ...args], { encoding: 'utf8', env });
  };
  beforeAll(() => {
    writeFileSync(join(folder, 'good.log'), log('0 invoke write 1', '0 ok write 1'));
    writeFileSync(join(folder, 'bad.log'), log('0 invoke read nil', '0 ok read 1'));
    writeFileSync(join(folder, 'torn.txt'), '{:process 0, :ty');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('prints one verdict a line, of files beside the caller or named in full, and says why on stderr', () => {
    const good = join(folder, 'good.log');
    const { status, stdout, stderr } = linearize('bad.log', good);
    expect(stdout).toBe(`bad.log not-linearizable\n${good} linearizable\n`);
    expect(stderr).toBe('bad.log: no order explains the read of lines 1 to 2 and what ended before it\n');
    expect(status).toBe(0);
  });

  it('judges the others where a file cannot be judged, and ends with 1', () => {
    const { status, stdout, stderr } = linearize('torn.txt', 'none.log', '.', 'good.log', '--json');
    expect(JSON.parse(stdout).results).toMatchObject([
      { file: 'torn.txt', verdict: 'unknown' },
      { file: 'none.log', verdict: 'unknown' },
      { file: '.', verdict: 'unknown' },
      { file: 'good.log', verdict: 'linearizable', keys: 1, operations: 1, reason: null },
    ]);
    expect(stderr.trim().split('\n')).toEqual([
      'torn.txt: not judged: line 1 is no event: it ends too early',
      'none.log: not judged: there is no such file',
      '.: not judged: it is a folder',
    ]);
    expect(status).toBe(1);
  });

  it.each([{ args: [] }, { args: ['--nonsense'] }, { args: ['good.log', '--memory', '0'] }])(
    'refuses what it does not know with one line on stderr: $args',
    ({ args }) => {
      const { status, stdout, stderr } = linearize(...args);
      expect(status).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^error: .*\n$/);
    },
  );
});

/** Recorded histories with their expected verdicts are kept beside the repository, where they are kept at all. */
const recorded =
  process.env.ROUNDEL_HISTORIES ?? fileURLToPath(new URL('../../../shared/histories', import.meta.url));

describe.skipIf(!existsSync(join(recorded, 'expected.tsv')))('recorded histories (if at hand)', () => {
  it('are judged right, each of them', () => {
    const expected = readFileSync(join(recorded, 'expected.tsv'), 'utf8').trim().split('\n');
    const all = expected.map((line) => line.split('\t') as [file: string, verdict: Verdict]);
    for (const file of readdirSync(recorded)) {
      if (file.endsWith('-ok.txt')) all.push([file, 'linearizable']);
      if (file.endsWith('-bad.txt')) all.push([file, 'not-linearizable']);
    }
    const verdicts = all.map(([file]) => [
      file,
      judgeText(readFileSync(join(recorded, file), 'utf8')).verdict,
    ]);
    expect(all.length).toBeGreaterThan(0);
    expect(verdicts).toEqual(all);
  });
});
