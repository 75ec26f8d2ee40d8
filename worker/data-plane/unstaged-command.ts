// Commands as the edge makes them, with plain bytes for a body, and as a shard logs them: with the body inline, or in
// chunks that go to the shard first.
import type { Command } from '../../core/replication/commands.ts';
import { type Chunk, chunksOf, INLINE_BODY_BYTES } from './shard-chunks.ts';

/** A command whose body is still plain bytes. */
export type UnstagedCommand =
  | Unstaged<Extract<Command, { type: 'put' }>>
  | Unstaged<Extract<Command, { type: 'fill' }>>
  | Exclude<Command, { type: 'put' | 'fill' }>;

type Unstaged<C> = Omit<C, 'value'> & { readonly meta: string; readonly body: Uint8Array };

/** The command as it will be logged, and the chunks that it names. */
export async function stageable(
  command: UnstagedCommand,
): Promise<{ logged: Command; chunks: readonly Chunk[] }> {
  if (command.type !== 'put' && command.type !== 'fill') return { logged: command, chunks: [] };
  const { meta, body, ...rest } = command;
  if (body.byteLength <= INLINE_BODY_BYTES) {
    // A view would take the whole buffer behind it along to the shard.
    const bytes = body.byteLength === body.buffer.byteLength ? body : body.slice();
    return { logged: { ...rest, value: { meta, body: { type: 'inline', bytes } } }, chunks: [] };
  }
  const chunks = await chunksOf(body);
  const hashes = chunks.map(({ hash }) => hash);
  return {
    logged: { ...rest, value: { meta, body: { type: 'chunks', hashes, bytes: body.byteLength } } },
    chunks,
  };
}
