// What the caller of a lab gave it that cannot be used: one line for stderr, no stack.

export class InputError extends Error {
  override readonly name = 'InputError';
}
