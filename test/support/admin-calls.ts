// Calls of the admin API as the tests read them: status, fields and parsed body in one, and what a problem document
// has to be.
import { expect } from 'vitest';
import type { AdminInit, Product } from './product.ts';

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  readonly version?: number;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON, else text. */
  readonly body: T;
}

export async function answerOf<T>(response: Response): Promise<Answer<T>> {
  const text = await response.text();
  const isJson = text !== '' && (response.headers.get('content-type')?.includes('json') ?? false);
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : text) as T,
  };
}

export function adminCalls(product: () => Product) {
  const ask = async <T>(path: string, init?: AdminInit): Promise<Answer<T>> =>
    answerOf(await product().admin(path, init));
  return {
    ask,
    read: async <T>(path: string): Promise<T> => (await ask<T>(path)).body,
    currentVersion: async () => (await ask<{ version: number }>('/v1/config')).body.version,
  };
}

/** The code of a problem document that is one, through and through. */
export function expectProblem(answer: Answer<Problem>): string {
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.body.type).toMatch(/^urn:roundel:problem:[a-z-]+$/);
  expect(answer.body.status).toBe(answer.status);
  for (const text of [answer.body.title, answer.body.detail, answer.body.requestId])
    expect(text).not.toBe('');
  return answer.body.type.slice('urn:roundel:problem:'.length);
}

export function badFields(answer: Answer<Problem>): string[] {
  return (answer.body.errors ?? []).map(({ path }) => path);
}
