// One scripted origin without its sockets: its scripts, its ledger and its control endpoint, the same on every runtime.
import { applyConditions } from './conditional.ts';
import { controlReply } from './control.ts';
import { Ledger } from './ledger.ts';
import type { Reply } from './reply.ts';
import { type ArrivedRequest, routeReply } from './routes.ts';
import { ScriptBook } from './script-book.ts';

/** Requests at and below it script the origin and read its ledger; they are not recorded. */
export const CONTROL_PREFIX = '/__origin';

/** How much of a request's body is kept as text. */
export const BODY_KEPT_BYTES = 65_536;

export interface Origin {
  readonly name: string;
  readonly scripts: ScriptBook;
  readonly ledger: Ledger;
  reply(request: ArrivedRequest): Promise<Reply>;
  control(request: ArrivedRequest): Promise<Reply>;
}

export interface OriginParts {
  readonly name: string;
  readonly seed?: number;
  /** For scripts that apply now and then; by default the runtime's clock. */
  readonly now?: () => number;
}

/** `seed` decides every latency and error drawn: an origin with the same scripts and requests behaves the same. */
export function createOrigin({ name, seed = 1, now = () => performance.now() }: OriginParts): Origin {
  const scripts = new ScriptBook(seed, now);
  const ledger = new Ledger();
  return {
    name,
    scripts,
    ledger,
    async reply(request) {
      return applyConditions(scripts.reply(request, await routeReply(request, name)), request);
    },
    control: (request) => controlReply(request, { name, scripts, ledger }),
  };
}

export function isControl(target: string): boolean {
  return target === CONTROL_PREFIX || /^\/__origin[/?]/.test(target);
}
