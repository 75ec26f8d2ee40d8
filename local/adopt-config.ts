// Hands a configuration to the running edge as "the file given at the start": it becomes a new version only if it
// differs from the file last given so, thus a restart does not undo changes made through the API.
import { documentDigest } from './document-digest.ts';
import type { Control } from './serve-edge.ts';
import { StartError } from './start-error.ts';

/** `text` is the JSON as it stands in the file; `what` names it in the message of the StartError. */
export async function adoptConfig(control: Control, text: string, what: string): Promise<void> {
  const digest = documentDigest(text);
  const { status, body } = await control('/v1/config', {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', 'Roundel-Config-File': digest },
    body: text,
  });
  if (status !== 200) throw new StartError(`Cannot use ${what}: ${status} ${explain(body)}`);
}

function explain(body: string): string {
  try {
    const problem = JSON.parse(body) as { detail?: string; errors?: { path: string; message: string }[] };
    const fields = (problem.errors ?? []).map(({ path, message }) => `${path}: ${message}`);
    return fields.length > 0 ? fields.join('; ') : (problem.detail ?? body);
  } catch {
    return body.slice(0, 300);
  }
}
