// Runs one conformance case against a fresh model edge and says what was not as expected.
import { type Fields, fieldLines } from '../../core/http/fields.ts';
import { formatHttpDate } from '../../core/http/http-date.ts';
import type { ConformanceCase, FieldSpec, Origins, Step } from './case.ts';
import { type Answer, ModelEdge, type ModelRequest, type OriginResponse } from './model-edge.ts';

/** Empty when the case passes; else one sentence for each difference. */
export function runCase({ steps, policy, key }: ConformanceCase): string[] {
  const edge = new ModelEdge(policy, key);
  const bodies = steps.map((_, i) => `body of step ${i}`);
  return steps.flatMap((step, i) => {
    const stepAt = edge.nowMs;
    edge.delayMs = (step.delaySeconds ?? 0) * 1000;
    const received: ModelRequest[] = [];
    const origin = (request: ModelRequest): OriginResponse | null => {
      received.push(request);
      return step.origin === null
        ? null
        : originResponse(step.origin ?? {}, request, stepAt, bodies[i] ?? '');
    };
    const { method = 'GET', url = 'http://origin.example/' } = step;
    const answer = edge.request({ method, url, fields: fieldsAt(step.request ?? [], stepAt) }, origin);
    edge.nowMs += (step.thenSeconds ?? 0) * 1000;
    return differences(step, answer, received, stepAt, bodies).map(
      (difference) => `step ${i}: ${difference}`,
    );
  });
}

function differences(
  { expect = {} }: Step,
  answer: Answer,
  received: readonly ModelRequest[],
  stepAt: number,
  bodies: readonly string[],
): string[] {
  const found: string[] = [];
  const compare = (what: string, actual: unknown, expected: unknown): void => {
    if (actual !== expected)
      found.push(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
  };
  if (expect.from !== undefined) compare('the answer’s source', answer.from, expect.from);
  if (expect.status !== undefined) compare('the status', answer.status, expect.status);
  for (const [name, value] of fieldsAt(expect.fields ?? [], stepAt)) {
    compare(name, fieldLines(answer.fields, name).join(' | '), value);
  }
  for (const name of expect.absent ?? []) compare(name, fieldLines(answer.fields, name)[0], undefined);
  if (expect.bodyOfStep !== undefined) compare('the body', answer.body, bodies[expect.bodyOfStep]);
  if (expect.body !== undefined) compare('the body', answer.body, expect.body);
  if (expect.asked !== undefined) compare('how often the origin was asked', received.length, expect.asked);
  const sent = received[0]?.fields ?? [];
  for (const [name, value] of fieldsAt(expect.sent ?? [], stepAt)) {
    compare(`${name} as sent`, fieldLines(sent, name).join(' | '), value);
  }
  for (const name of expect.notSent ?? []) compare(`${name} as sent`, fieldLines(sent, name)[0], undefined);
  return found;
}

function originResponse(spec: Origins, request: ModelRequest, stepAt: number, body: string): OriginResponse {
  const { status = 200, validates = true, toPlain } = spec;
  if (
    toPlain !== undefined &&
    !request.fields.some(([name]) => name === 'range' || name === 'if-none-match')
  ) {
    return originResponse(toPlain, request, stepAt, body);
  }
  const fields = fieldsAt(spec.fields ?? [], stepAt);
  if (
    validates &&
    (isCurrent(request, fields, 'if-none-match', 'etag') ||
      isCurrent(request, fields, 'if-modified-since', 'last-modified'))
  ) {
    return { status: 304, fields: fieldsAt(spec.fieldsOf304 ?? spec.fields ?? [], stepAt), body: '' };
  }
  return { status, fields, body: spec.body ?? body };
}

function isCurrent(request: ModelRequest, fields: Fields, condition: string, validator: string): boolean {
  const [asked] = fieldLines(request.fields, condition);
  return asked !== undefined && asked === fieldLines(fields, validator)[0];
}

function fieldsAt(specs: readonly FieldSpec[], stepAt: number): Fields {
  return specs.map(([name, value]) => [
    name.toLowerCase(),
    typeof value === 'number' ? formatHttpDate(stepAt + value * 1000) : value,
  ]);
}
