// HTTP dates (RFC 9110 §5.6.7), strictly. Engines' own parsers take much more (other zones, missing parts, odd
// spacing), and what one cache takes for a date and the next does not is a difference to attack.

const DAYS = 'sun|mon|tue|wed|thu|fri|sat';
const LONG_DAYS = 'sunday|monday|tuesday|wednesday|thursday|friday|saturday';
const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH = MONTHS.join('|');
const TIME = '(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)';

/** Names of days and months in any case, as caches in the field take them; all else as the grammar has it. */
const FORMS = [
  // IMF-fixdate: Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^(?:${DAYS}), (?<day>\\d\\d) (?<month>${MONTH}) (?<year>\\d{4}) ${TIME} gmt$`, 'i'),
  // rfc850-date: Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^(?:${LONG_DAYS}), (?<day>\\d\\d)-(?<month>${MONTH})-(?<year>\\d\\d) ${TIME} gmt$`, 'i'),
  // asctime-date: Sun Nov  6 08:49:37 1994
  new RegExp(`^(?:${DAYS}) (?<month>${MONTH}) (?<day>\\d\\d| \\d) ${TIME} (?<year>\\d{4})$`, 'i'),
];

/** Epoch ms, or null where the text is none of the three forms or no such day or time exists. */
export function parseHttpDate(text: string, nowMs: number): number | null {
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups === undefined) continue;
    const { day = '', month = '', year = '', hour = '', minute = '', second = '' } = groups;
    const monthIndex = MONTHS.indexOf(month.toLowerCase());
    const at = (fullYear: number) =>
      instant(fullYear, monthIndex, Number(day), Number(hour), Number(minute), Number(second));
    return year.length === 4 ? at(Number(year)) : nearestYear(Number(year), nowMs, at);
  }
  return null;
}

/** IMF-fixdate of an instant in epoch ms, its fraction of a second cut off. */
export function formatHttpDate(atMs: number): string {
  return new Date(Math.floor(atMs / 1000) * 1000).toUTCString();
}

/** RFC 9110 §5.6.7: what seems more than 50 years ahead is the latest past year with the same two digits. */
function nearestYear(twoDigits: number, nowMs: number, at: (year: number) => number | null): number | null {
  const now = new Date(nowMs);
  const century = Math.floor(now.getUTCFullYear() / 100) * 100;
  const horizon = new Date(nowMs).setUTCFullYear(now.getUTCFullYear() + 50);
  for (const year of [century + 100, century, century - 100]) {
    const candidate = at(year + twoDigits);
    if (candidate !== null && candidate <= horizon) return candidate;
  }
  return null;
}

/** Second 60 is a leap second and counts as the next minute's first. */
function instant(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number | null {
  if (hour > 23 || minute > 59 || second > 60 || day < 1 || day > daysIn(year, month)) return null;
  const date = new Date(0);
  // Date.UTC would read the years 0–99 as 1900–1999.
  date.setUTCFullYear(year, month, day);
  return date.setUTCHours(hour, minute, second);
}

function daysIn(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 1 ? (isLeap ? 29 : 28) : [3, 5, 8, 10].includes(month) ? 30 : 31;
}
