// In turn, whatever the weights (0 is left out). The first turn falls at random: isolates start all the time, and a
// fleet that begins at the first backend gives it 3–4 times its share (grpc-java#4462).
import type { BalancerFactory } from './balancer.ts';
import { eligibleBackends } from './eligible-backends.ts';
import { scoresByIndex } from './scores-by-index.ts';

/**
 * Exactly 1/n over any n·k picks; a refused backend loses its turn and the others stay even. O(1) a pick.
 * Score: how many turns away, 0 is next.
 */
export const roundRobin: BalancerFactory = (backends, _parameters, random) => {
  const eligible = eligibleBackends(backends);
  const indexes = eligible.map(({ index }) => index);
  const count = indexes.length;
  let turn = Math.floor(random.next() * count);

  return {
    type: 'round-robin',
    *order() {
      const start = turn;
      for (let step = 0; step < count; step++) {
        const at = (start + step) % count;
        turn = (at + 1) % count;
        yield indexes[at] as number;
      }
      // All refused: the turn has come round to where it was.
    },
    scores: () => scoresByIndex(backends.length, eligible, (place) => (place - turn + count) % count),
  };
};
