// The load as a process of its own: gets each round as a message and answers with what came of it.
import { type ClosedOrder, closedRound } from './closed-round.ts';
import { type OpenOrder, openRound } from './open-round.ts';

process.on('message', (order: ClosedOrder | OpenOrder) => {
  const result = 'perSecond' in order ? openRound(order) : closedRound(order);
  void result.then((answer) => process.send?.(answer));
});
process.on('disconnect', () => process.exit());
