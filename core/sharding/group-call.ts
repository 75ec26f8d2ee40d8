// What a caller of a shard's group does after a try that brought no answer: ask another member, ask again a little
// later with the same request id, or give up and say whether anything may have been done. Pure, so that the edge and
// the objects that call shards share one policy.

/**
 * How a try ended that did not bring the answer. `isPartlyDone`: of several commands in one call some were carried out,
 * or may have been; their request ids are remembered.
 */
export type FailedTry = FailureReason & { readonly isPartlyDone?: boolean };

type FailureReason =
  | { readonly type: 'not-primary'; readonly view: number; readonly primary: number }
  /** It was the primary when it took the request, and is none any more. */
  | { readonly type: 'deposed'; readonly view: number; readonly primary: number }
  | { readonly type: 'not-ready'; readonly reason: string }
  | { readonly type: 'overloaded' }
  | { readonly type: 'unknown-protocol' }
  | { readonly type: 'timed-out' }
  | { readonly type: 'too-large'; readonly bytes: number; readonly bytesMax: number }
  /** The call itself failed: it may have been carried out all the same, unless the object was `overloaded`. */
  | { readonly type: 'threw'; readonly overloaded: boolean; readonly message: string };

/** Where the primary is believed to be. */
export interface PrimaryHint {
  readonly view: number;
  readonly primary: number;
}

export interface GroupCall {
  readonly hint: PrimaryHint;
  /** The member to call now: the primary as far as is known, or another that may know better. */
  readonly target: number;
  /** The view whose primary did not answer: the member called now is told, and asks it itself. Overload is none. */
  readonly suspects: number | null;
  /** The primary does not answer this caller: whoever else is asked is to hand the request on to it. */
  readonly isCutOff: boolean;
  readonly tries: number;
  /** How often another member was asked instead. */
  readonly turns: number;
  /** A try may have been carried out without anybody hearing of it. */
  readonly maybeDone: boolean;
}

export type NextMove =
  | { readonly type: 'try'; readonly call: GroupCall; readonly afterMs: number }
  | { readonly type: 'give-up'; readonly maybeDone: boolean; readonly detail: string };

const PAUSE_MIN_MS = 20;
const PAUSE_MAX_MS = 400;
/** Turns that are taken at once; more of them mean that the group is changing its mind. */
const PROMPT_TURNS = 3;
/** Times that a member which recovers is asked before another one is. */
const PATIENT_TRIES = 5;

/** `via`: the member by way of which the primary is reached; null: straight. */
export function beginCall(hint: PrimaryHint, via: number | null = null): GroupCall {
  const isCutOff = via !== null && via !== hint.primary;
  const target = isCutOff ? via : hint.primary;
  return { hint, target, suspects: null, isCutOff, tries: 0, turns: 0, maybeDone: false };
}

/** Whether the member called now is to hand the request on. */
export function asksRelay({ isCutOff, target, hint }: GroupCall): boolean {
  return isCutOff && target !== hint.primary;
}

/** Whichever is of the later view; a member's own word about its view counts. O(1). */
export function betterHint(known: PrimaryHint, told: PrimaryHint): PrimaryHint {
  return told.view >= known.view ? told : known;
}

/** `leftMs`: until the caller's deadline; `members`: of the group. O(1). */
export function afterFailure(call: GroupCall, failure: FailedTry, leftMs: number, members: number): NextMove {
  const tries = call.tries + 1;
  const maybeDone = call.maybeDone || mayHaveRun(failure);
  const giveUp: NextMove = { type: 'give-up', maybeDone, detail: describe(failure, call.target) };
  if (isFinal(failure)) return giveUp;
  const told = failure.type === 'not-primary' || failure.type === 'deposed' ? failure : null;
  const hint = told === null ? call.hint : betterHint(call.hint, told);
  const isSilent = failure.type === 'threw' || failure.type === 'timed-out';
  // One that recovers is given time; but one that hears nobody says the same for ever.
  const isPatient =
    failure.type === 'not-ready' && failure.reason === 'recovering' && tries % PATIENT_TRIES !== 0;
  const asksNext = isSilent || (failure.type === 'not-ready' && !isPatient);
  const isSoonOver = failure.type === 'not-ready' && !asksNext;
  // Whom it names is asked, though the hint may be of a later view: that one need never start.
  const named = told !== null && told.primary !== call.target ? told.primary : hint.primary;
  const target = asksNext ? (call.target + 1) % members : isSoonOver ? call.target : named;
  const isPrimarySilent = isSilent && call.target === call.hint.primary;
  const suspects = isPrimarySilent ? call.hint.view : null;
  // News of a later view cannot lead in circles, and its primary has not been silent yet.
  const isNews = told !== null && told.view > call.hint.view;
  // Whoever was silent may be the primary, though the hint is of a later view: that one need never have started.
  const isCutOff = (call.isCutOff || isSilent) && !isNews;
  const turns = target === call.target ? call.turns : call.turns + 1;
  // However long one was given time: who has to ask two others yet must not wait as long for each.
  const isPrompt = turns > call.turns && (turns <= PROMPT_TURNS || isNews);
  const afterMs = isPrompt ? 0 : Math.min(PAUSE_MIN_MS * 2 ** Math.min(tries - 1, 16), PAUSE_MAX_MS);
  return leftMs > afterMs
    ? { type: 'try', call: { hint, target, suspects, isCutOff, tries, turns, maybeDone }, afterMs }
    : giveUp;
}

/** Whether what was refused so, or a part of it, may have been carried out all the same. */
export function mayHaveRun(failure: FailedTry): boolean {
  if (failure.isPartlyDone === true) return true;
  if (failure.type === 'timed-out' || failure.type === 'deposed') return true;
  return failure.type === 'threw' && !failure.overloaded;
}

/** Trying again would meet the same, or add to an overload. */
function isFinal(failure: FailedTry): boolean {
  switch (failure.type) {
    case 'overloaded':
    case 'unknown-protocol':
    case 'too-large':
      return true;
    case 'threw':
      return failure.overloaded;
    case 'not-ready':
      // Nothing but an operator ends that.
      return failure.reason === 'majority-lost';
    case 'not-primary':
    case 'deposed':
    case 'timed-out':
      return false;
  }
}

function describe(failure: FailedTry, member: number): string {
  switch (failure.type) {
    case 'not-primary':
      return `member ${member} says that member ${failure.primary} is the primary (view ${failure.view})`;
    case 'deposed':
      return `member ${member} was deposed by member ${failure.primary} (view ${failure.view})`;
    case 'not-ready':
      return `member ${member} is not ready (${failure.reason})`;
    case 'overloaded':
      return `member ${member} is overloaded`;
    case 'unknown-protocol':
      return `member ${member} speaks another protocol version`;
    case 'timed-out':
      return `member ${member} did not answer in time`;
    case 'too-large':
      return `${failure.bytes} bytes are more than the ${failure.bytesMax} that a shard takes`;
    case 'threw':
      return `member ${member} could not be reached: ${failure.message}`;
  }
}
