// The faults that a balancer has to live with, each as a script: `origin.script(failFast())`. They cover every request
// unless `on` says otherwise ("GET /x", "/x*"), as in any script; leave the probes' path to a script before them. A
// backend that is dead altogether is not a script: stop the origin, and keepDoor (doorkeeper.ts) takes its port.
import type { ScriptInput } from './script.ts';

/** Answers an error at once: the fastest of its pool, and useless. */
export const failFast = (on = '*', status = 503): ScriptInput => ({ on, answer: `${status}\n\nscripted\n` });

/** Answers as ever, but takes so long. */
export const slow = (ms: number, on = '*'): ScriptInput => ({ on, latency: { type: 'fixed', ms } });

/** Well for `upMs`, then resets every connection for `downMs`, and again. */
export const flapping = (upMs: number, downMs: number, on = '*'): ScriptInput => ({
  on,
  fault: 'reset',
  during: { fromMs: upMs, forMs: downMs, everyMs: upMs + downMs },
});

/** Not now: 503 with Retry-After. */
export const comeBackLater = (seconds: number, on = '*'): ScriptInput => ({
  on,
  answer: `503\nRetry-After: ${seconds}\n\nscripted\n`,
});

/** RST before the head. */
export const resetBeforeHead = (on = '*'): ScriptInput => ({ on, fault: 'reset' });

/** A head that promises `bodyBytes`, half of them, RST. */
export const resetMidBody = (bodyBytes = 20_000, on = '*'): ScriptInput => ({
  on,
  answer: '200',
  bodyBytes,
  fault: 'reset-mid-body',
});

/** Bytes that are not HTTP. */
export const garbage = (on = '*'): ScriptInput => ({ on, fault: 'garbage' });

/** Takes the request and says nothing, ever. */
export const silent = (on = '*'): ScriptInput => ({ on, fault: 'hang' });

/** A head, and then nothing of the body that it promises. */
export const silentAfterHead = (on = '*'): ScriptInput => ({
  on,
  answer: '200',
  bodyBytes: 1_000,
  fault: 'stall-mid-body',
  faultAfterBytes: 0,
});

/** One byte at a time: whoever waits for the end waits `bytes × everyMs`. */
export const trickle = (bytes: number, everyMs: number, on = '*'): ScriptInput => ({
  on,
  answer: '200',
  bodyBytes: bytes,
  chunkBytes: 1,
  chunkIntervalMs: everyMs,
});
