// One attempt: a request to one backend, bounded in time until the head of its response is there.
import { Http1ProtocolError } from './http1-message.ts';
import type { OriginResponse } from './send-to-origin.ts';

/** What is left of the attempt's time when its head is there, on the same timer. */
export interface Patience {
  /** Resolves when that time is over. */
  readonly isOver: Promise<null>;
  stop(): void;
}

export interface AttemptFailure {
  readonly type: 'failed';
  readonly code: 'origin-unreachable' | 'origin-protocol' | 'origin-timeout';
  readonly detail: string;
}

export type AttemptEnd =
  | { readonly type: 'answered'; readonly response: OriginResponse; readonly patience: Patience }
  | AttemptFailure;

/**
 * The time limit is for the head; a body has its own (relay-body.ts). Who aborts by the controller wants no answer any
 * more. Rejects never.
 */
export async function attemptOnce(
  limitMs: number,
  controller: AbortController,
  send: (signal: AbortSignal) => Promise<OriginResponse>,
): Promise<AttemptEnd> {
  let end = () => controller.abort();
  const timer = setTimeout(() => end(), limitMs);
  const stop = () => clearTimeout(timer);
  try {
    const response = await send(controller.signal);
    // The runtime refuses to pass these on.
    if ((response.status < 200 || response.status > 599) && !response.webSocket) {
      stop();
      await response.body?.cancel().catch(() => {});
      const detail = `its status ${response.status} is none of HTTP`;
      return { type: 'failed', code: 'origin-protocol', detail };
    }
    const isOver = new Promise<null>((resolve) => {
      end = () => resolve(null);
    });
    return { type: 'answered', response, patience: { isOver, stop } };
  } catch (error) {
    stop();
    if (controller.signal.aborted) {
      return { type: 'failed', code: 'origin-timeout', detail: `no response head within ${limitMs} ms` };
    }
    const detail = error instanceof Error ? error.message : String(error);
    const code = error instanceof Http1ProtocolError ? 'origin-protocol' : 'origin-unreachable';
    return { type: 'failed', code, detail };
  }
}
