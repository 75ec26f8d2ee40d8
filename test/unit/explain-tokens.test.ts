// Tokens that have requests explained: what verifies and what does not, and how seldom a stranger's words cost a question
// for the key.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readExplainToken } from '../../core/explain-token.ts';
import { createExplainTokens } from '../../worker/explain-tokens.ts';

const NOW = 1_800_000_000_000;

/** An isolate, with a Telemetry object that holds `key`. */
function isolate(held: { key: string | null } = { key: 'k1' }) {
  let nowMs = NOW;
  let questions = 0;
  const tokens = createExplainTokens({
    now: () => nowMs,
    async fetchKey() {
      questions++;
      if (held.key === null) throw new Error('planted: no answer');
      return held.key;
    },
  });
  return {
    tokens,
    pass: (ms: number) => {
      nowMs += ms;
    },
    questions: () => questions,
  };
}

const quietly = async <T>(work: () => Promise<T>): Promise<T> => {
  const { warn } = console;
  console.warn = () => {};
  try {
    return await work();
  } finally {
    console.warn = warn;
  }
};

describe('an explain token', () => {
  it('is good at every edge until it expires, and a header value', async () => {
    const token = await isolate().tokens.issue(NOW + 60_000);
    expect(token).toMatch(/^[\w.-]{40,80}$/);
    const { tokens, pass, questions } = isolate();
    expect(await tokens.isValid(token)).toBe(true);
    // Remembered: no more signatures, and no promise.
    expect(tokens.isValid(token)).toBe(true);
    pass(59_999);
    expect(tokens.isValid(token)).toBe(true);
    pass(1);
    expect(await tokens.isValid(token)).toBe(false);
    expect(await isolate().tokens.isValid(token)).toBe(true);
    expect(questions()).toBe(1);
  });

  it('is worth nothing after any change, and under another key', async () => {
    const { tokens } = isolate();
    const token = await tokens.issue(NOW + 60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.constantFrom('0', 'a', 'Z', '.', ' ', ''),
        async (at, put) => {
          const changed = token.slice(0, at) + put + token.slice(at + 1);
          expect(await isolate().tokens.isValid(changed)).toBe(changed === token);
        },
      ),
    );
    expect(await isolate({ key: 'k2' }).tokens.isValid(token)).toBe(false);
    // Somebody prolongs it.
    const [, , mac] = token.split('.');
    expect(await tokens.isValid(`1.zzzzzz.${mac}`)).toBe(false);
  });

  it.each(['', '1', '1..', 'Bearer x', `1.zzzzzz.${'a'.repeat(42)}`, `2.zzzzzz.${'a'.repeat(43)}`])(
    'costs no question for the key where it is none: %j',
    async (text) => {
      const { tokens, questions } = isolate();
      expect(await tokens.isValid(text)).toBe(false);
      expect([readExplainToken(text), questions()]).toEqual([null, 0]);
    },
  );

  it('that is forged costs one question now and then', async () => {
    const { tokens, questions, pass } = isolate();
    const forged = `1.zzzzzz.${'a'.repeat(43)}`;
    for (let i = 0; i < 50; i++) expect(await tokens.isValid(forged)).toBe(false);
    // One for the key, one whether it is still that.
    expect(questions()).toBe(2);
    pass(5_000);
    for (let i = 0; i < 50; i++) await tokens.isValid(forged);
    expect(questions()).toBe(3);
    // An expired one is not even looked at.
    expect(await tokens.isValid(`1.1.${'a'.repeat(43)}`)).toBe(false);
    expect(questions()).toBe(3);
  });

  it('is good again at an edge that knew an older key, or none', async () => {
    const held: { key: string | null } = { key: null };
    const { tokens, questions, pass } = isolate(held);
    const ofK1 = await isolate({ key: 'k1' }).tokens.issue(NOW + 600_000);
    await quietly(async () => {
      for (let i = 0; i < 10; i++) expect(await tokens.isValid(ofK1)).toBe(false);
    });
    expect(questions()).toBe(1);
    held.key = 'k1';
    pass(5_000);
    expect(await tokens.isValid(ofK1)).toBe(true);
    held.key = 'k2';
    const ofK2 = await isolate(held).tokens.issue(NOW + 600_000);
    pass(5_000);
    expect(await tokens.isValid(ofK2)).toBe(true);
  });

  it('is not given without a key', async () => {
    await expect(isolate({ key: null }).tokens.issue(NOW + 1)).rejects.toThrow('planted');
  });
});
