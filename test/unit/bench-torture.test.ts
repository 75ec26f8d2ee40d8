// The torture lab's own words: what it writes down is what the checker reads, and a lost write is one that it finds.
import { expect, it } from 'vitest';
import { RecordedHistory } from '../../bench/torture/recorded-history.ts';
import { judge } from '../../linearize/judge.ts';
import { readHistory } from '../../linearize/read-history.ts';

const MEMORY_BYTES = 64 * 2 ** 20;

/** One put of unknown outcome, one that was acknowledged, and what is read last. */
function verdictOf(readLast: string | null): string {
  const history = new RecordedHistory();
  const [first, second] = [history.newProcess(), history.newProcess()];
  history.add(first, 'invoke', 'put', 'k "1"', 'a');
  history.add(first, 'info', 'put', 'k "1"', 'a');
  history.add(second, 'invoke', 'put', 'k "1"', 'b');
  history.add(second, 'ok', 'put', 'k "1"', 'b');
  history.add(second, 'invoke', 'get', 'k "1"', null);
  history.add(second, 'ok', 'get', 'k "1"', readLast);
  expect(history.events).toBe(6);
  return judge(readHistory(history.text()), MEMORY_BYTES).verdict;
}

it('a history of puts, gets and unknown outcomes is judged as it was', () => {
  expect(verdictOf('b')).toBe('linearizable');
  expect(verdictOf('a')).toBe('linearizable');
  expect(verdictOf(null)).toBe('not-linearizable');
});
