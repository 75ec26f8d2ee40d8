// Two cheap hashes. `commandDigest` tells whether a request id came back with another command; `mixHash` rolls over
// what is applied, so that replicas can compare their states. Both are for honest mistakes, not for adversaries: a
// forged digest would only give its forger the first outcome of his own request.
//
// Two multiplicative 32-bit lanes over UTF-16 units or 32-bit words (as in the cyrb53 family); SHA-256 was rejected
// because the core has no crypto and the answer is needed within one synchronous step.
import type { Command, Condition, PurgeSelector, Value } from './commands.ts';

interface Lanes {
  a: number;
  b: number;
}

function eat(lanes: Lanes, word: number): void {
  lanes.a = Math.imul(lanes.a ^ word, A);
  lanes.b = Math.imul(lanes.b ^ word, B);
  lanes.a ^= lanes.b >>> 15;
  lanes.b ^= lanes.a >>> 13;
}

const A = 0x9e3779b1;
const B = 0x5f356495;

// The loops below are `eat`, word after word, with both lanes in registers.

/** Length first, so that neighbouring texts cannot run into each other. */
function eatText(lanes: Lanes, text: string): void {
  eat(lanes, text.length);
  let { a, b } = lanes;
  for (let i = 0; i < text.length; i++) {
    const word = text.charCodeAt(i);
    a = Math.imul(a ^ word, A);
    b = Math.imul(b ^ word, B);
    a ^= b >>> 15;
    b ^= a >>> 13;
  }
  lanes.a = a;
  lanes.b = b;
}

function eatBytes(lanes: Lanes, bytes: Uint8Array): void {
  const { length } = bytes;
  eat(lanes, length);
  let { a, b } = lanes;
  const whole = length & ~3;
  const at = (i: number): number => bytes[i] ?? 0;
  for (let i = 0; i < whole; i += 4) {
    const word = at(i) | (at(i + 1) << 8) | (at(i + 2) << 16) | (at(i + 3) << 24);
    a = Math.imul(a ^ word, A);
    b = Math.imul(b ^ word, B);
    a ^= b >>> 15;
    b ^= a >>> 13;
  }
  lanes.a = a;
  lanes.b = b;
  for (let i = whole; i < length; i++) eat(lanes, at(i));
}

function finish(lanes: Lanes): string {
  eat(lanes, 0x2545f491);
  eat(lanes, 0x1b873593);
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
  return hex(lanes.a) + hex(lanes.b);
}

function eatValue(lanes: Lanes, value: Value): void {
  eatText(lanes, value.meta);
  if (value.body.type === 'inline') eatBytes(lanes, value.body.bytes);
  else eatText(lanes, value.body.hashes.join());
}

function conditionText(condition: Condition | null): string {
  if (condition === null) return '';
  return condition.type === 'etag' ? JSON.stringify(condition.etags) : condition.type;
}

function selectorText(selector: PurgeSelector): string {
  switch (selector.type) {
    case 'all':
      return 'all';
    case 'url':
      return `url:${selector.key}`;
    case 'tag':
      return `tag:${selector.tag}`;
    case 'prefix':
      return `prefix:${selector.prefix}`;
    case 'namespace':
      return `namespace:${selector.namespace}`;
  }
}

/** 16 hex digits; equal for equal commands, whatever the order of their properties. O(bytes of the command). */
export function commandDigest(command: Command): string {
  const lanes: Lanes = { a: 0x1f83d9ab, b: 0x5be0cd19 };
  eatText(lanes, command.type);
  switch (command.type) {
    case 'put':
      eatText(lanes, command.key);
      eatValue(lanes, command.value);
      eatText(lanes, JSON.stringify([conditionText(command.condition), command.ttlMs, command.tags]));
      break;
    case 'delete':
      eatText(lanes, command.key);
      eatText(lanes, conditionText(command.condition));
      break;
    case 'increment':
      eatText(lanes, command.key);
      eatText(lanes, command.meta);
      eatText(
        lanes,
        JSON.stringify([conditionText(command.condition), command.by, command.ttlMs, command.tags]),
      );
      break;
    case 'fill': {
      const { token } = command;
      eatText(lanes, command.key);
      eatText(lanes, command.variant);
      eatValue(lanes, command.value);
      eatText(lanes, JSON.stringify([token.groupId, token.view, token.op, token.t]));
      eatText(lanes, JSON.stringify([command.ttlMs, command.tags]) + (command.purges ? ' purges' : ''));
      break;
    }
    case 'purge':
      eatText(lanes, selectorText(command.selector) + (command.soft ? ' soft' : ''));
      break;
    case 'floor':
      eatText(lanes, `${command.upTo.view}:${command.upTo.op}:${command.t}`);
      break;
    case 'expire':
    case 'evict':
    case 'discard':
      eatText(lanes, command.address.key);
      eatText(lanes, command.address.variant);
      eatText(lanes, `${command.viewstamp.view}:${command.viewstamp.op}`);
      break;
    case 'bound':
      eatText(lanes, `${command.boundMs}:${command.since}`);
      break;
    case 'boundSettled':
      eatText(lanes, String(command.since));
      break;
    case 'readmit':
      eatText(lanes, `${command.member}:${command.incarnation}`);
      break;
    case 'viewStart':
      break;
    default:
      command satisfies never;
  }
  return finish(lanes);
}

/** The rolling hash after one more text; unsigned 32 bit. O(length). */
export function mixHash(hash: number, text: string): number {
  const lanes: Lanes = { a: hash | 0, b: 0x3c6ef372 };
  eatText(lanes, text);
  return (lanes.a ^ lanes.b) >>> 0;
}
