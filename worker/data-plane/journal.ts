// The journal of a request's attempts (attempt-journal.ts): begun when there is more to tell than that one was good.
import type { AttemptRecord, NextStep } from '../../core/load-balancing/attempt-journal.ts';
import type { Attempt } from './make-attempt.ts';
import type { Visit } from './visit.ts';

export function noteAttempt(visit: Visit, attempt: Attempt, next: NextStep): void {
  const { backend, kind, startedAt, endedAt, end } = attempt;
  noteRecord(visit, {
    backend: backend.id,
    kind,
    startedAt,
    endedAt,
    outcome: end.type === 'answered' ? 'answered' : end.code,
    status: end.type === 'answered' ? end.response.status : null,
    next,
  });
}

export function noteRecord(visit: Visit, record: AttemptRecord): void {
  if (visit.attempts === null) visit.attempts = [record];
  else visit.attempts.push(record);
}
