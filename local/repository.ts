// Where this repository lies.
import { fileURLToPath } from 'node:url';

/** With a slash at the end. */
export const repository = fileURLToPath(new URL('..', import.meta.url));
