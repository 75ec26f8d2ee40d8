// Whether a backend's answer to a probe is the one that its check expects.
import { parseStatusRange } from '../../core/config/field-rules.ts';
import type { ProbeCheck } from '../../core/config/health-schema.ts';

export interface ProbeAnswer {
  readonly status: number;
  /** By lower-case name; repeated lines joined by ", ". */
  readonly fields: ReadonlyMap<string, string>;
  /** Its first 64 KiB as UTF-8; '' where it was not asked for. */
  readonly body: string;
}

/** What is wrong with it, in words, or null. O(length of the body). */
export function problemOfAnswer(answer: ProbeAnswer, expect: ProbeCheck['expect']): string | null {
  if (!isExpected(answer.status, expect.status)) {
    return `status ${answer.status} instead of ${expect.status.join(', ')}`;
  }
  for (const [name, wanted] of Object.entries(expect.header ?? {})) {
    const value = answer.fields.get(name.toLowerCase());
    if (value === undefined) return `no header ${name}`;
    if (value.trim() !== wanted) return `header ${name} is "${shown(value)}" instead of "${shown(wanted)}"`;
  }
  if (expect.body !== undefined && !answer.body.includes(expect.body)) {
    return `the body does not hold "${shown(expect.body)}"`;
  }
  return null;
}

function isExpected(status: number, expected: readonly string[]): boolean {
  return expected.some((text) => {
    const range = parseStatusRange(text);
    return range !== null && status >= range[0] && status <= range[1];
  });
}

/** A message is stored with the backend's state: long values are cut. */
function shown(text: string): string {
  return text.length <= 64 ? text : `${text.slice(0, 64)}…`;
}
