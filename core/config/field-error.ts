// One bad field of a document: where it is, in the notation of the documentation, and what is wrong with it.

export interface FieldError {
  /** `pools.web.backends[1].weight`; empty for the document itself. */
  readonly path: string;
  readonly message: string;
}

/** `['pools', 'web', 'backends', 1]` as `pools.web.backends[1]`; names that are not plain are quoted in brackets. */
export function formatPath(parts: readonly PropertyKey[]): string {
  let path = '';
  for (const part of parts) {
    if (typeof part === 'number') path += `[${part}]`;
    else if (/^[A-Za-z0-9_-]+$/.test(String(part))) path += path === '' ? String(part) : `.${String(part)}`;
    else path += `[${JSON.stringify(String(part))}]`;
  }
  return path;
}
