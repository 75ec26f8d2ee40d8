// IP addresses and networks as text. An IPv4 address and its IPv4-mapped IPv6 form are one address here, since
// sockets show either and a rule about one must not be passed by under the name of the other.

/** 128 bits in eight groups of 16, most significant first; IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). */
export type IpAddress = readonly number[];

export interface Network {
  readonly address: IpAddress;
  /** Of the 128 bits: 0–128; an IPv4 /24 is 120. */
  readonly prefixBits: number;
}

const V4_MAPPED = [0, 0, 0, 0, 0, 0xffff];

/** Dotted decimals without leading zeros, or IPv6 (RFC 4291 §2.2) without zone or brackets; else null. */
export function parseIp(text: string): IpAddress | null {
  if (!text.includes(':')) {
    const low = parseV4(text);
    return low && [...V4_MAPPED, ...low];
  }
  return parseV6(text);
}

/** The one text of an address; '' for what is none. IPv4, the most of all, is its own. */
export function canonicalIp(text: string): string {
  if (isV4(text)) return text;
  const address = parseIp(text);
  return address === null ? '' : formatIp(address);
}

/** "10.0.0.0/8", "fd00::/8", or a lone address; null otherwise. Bits beyond the prefix are ignored. */
export function parseNetwork(text: string): Network | null {
  const [host = '', bits, ...more] = text.split('/');
  const address = parseIp(host);
  if (address === null || more.length > 0) return null;
  if (bits === undefined) return { address, prefixBits: 128 };
  if (!/^(0|[1-9]\d{0,2})$/.test(bits)) return null;
  const offset = host.includes(':') ? 0 : 96;
  const prefixBits = offset + Number(bits);
  return prefixBits > 128 ? null : { address, prefixBits };
}

/** O(1). */
export function isInNetwork(address: IpAddress, network: Network): boolean {
  let bitsLeft = network.prefixBits;
  for (let i = 0; i < 8 && bitsLeft > 0; i++, bitsLeft -= 16) {
    const mask = bitsLeft >= 16 ? 0xffff : (0xffff << (16 - bitsLeft)) & 0xffff;
    if (((address[i] ?? 0) & mask) !== ((network.address[i] ?? 0) & mask)) return false;
  }
  return true;
}

const compiled = new WeakMap<readonly string[], readonly Network[]>();

/** `networks` as configured: addresses and CIDR blocks, compiled once per list. False where `ip` is no address. */
export function isInNetworks(ip: string, networks: readonly string[]): boolean {
  if (networks.length === 0) return false;
  const address = parseIp(ip);
  if (address === null) return false;
  let list = compiled.get(networks);
  if (list === undefined) {
    list = networks.map(parseNetwork).filter((network) => network !== null);
    compiled.set(networks, list);
  }
  return list.some((network) => isInNetwork(address, network));
}

/** The one text of an address: IPv4 dotted (mapped ones too), IPv6 as RFC 5952 §4 wants it. */
export function formatIp(address: IpAddress): string {
  if (V4_MAPPED.every((group, i) => address[i] === group)) {
    const [high = 0, low = 0] = address.slice(6);
    return `${high >> 8}.${high & 0xff}.${low >> 8}.${low & 0xff}`;
  }
  const { start, length } = longestZeroRun(address);
  const text = (groups: IpAddress): string => groups.map((group) => group.toString(16)).join(':');
  if (length < 2) return text(address);
  return `${text(address.slice(0, start))}::${text(address.slice(start + length))}`;
}

function longestZeroRun(address: IpAddress): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i < 8; i++) {
    if (address[i] !== 0) start = i + 1;
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start };
  }
  return best;
}

/** What parseV4 takes, without taking it apart. O(n), no allocation. */
function isV4(text: string): boolean {
  if (text.length > 15) return false;
  let parts = 1;
  let value = -1;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit === DOT) {
      if (value < 0 || ++parts > 4) return false;
      value = -1;
    } else if (digit < 0 || digit > 9 || value === 0) return false;
    else {
      value = value < 0 ? digit : value * 10 + digit;
      if (value > 255) return false;
    }
  }
  return parts === 4 && value >= 0;
}

/** "." from "0" on. */
const DOT = 46 - 48;

function parseV4(text: string): number[] | null {
  if (!/^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/.test(text)) return null;
  const [a = 0, b = 0, c = 0, d = 0] = text.split('.').map(Number);
  if (Math.max(a, b, c, d) > 255) return null;
  return [a * 256 + b, c * 256 + d];
}

function parseV6(text: string): IpAddress | null {
  if (text.length > 45) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, i) => parseGroups(half, i === halves.length - 1));
  if (!head || tail === null) return null;
  if (tail === undefined) return head.length === 8 ? head : null;
  // "::" stands for one group of zeros at least.
  const zeros = 8 - head.length - tail.length;
  return zeros < 1 ? null : [...head, ...new Array<number>(zeros).fill(0), ...tail];
}

/** Groups of one side of "::"; only the last of all may be a dotted IPv4 address. */
function parseGroups(text: string, mayEndInV4: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const low = mayEndInV4 && i === parts.length - 1 ? parseV4(part) : null;
    if (low === null) return null;
    groups.push(...low);
  }
  return groups;
}
