import { chmod, stat } from 'node:fs/promises';
import { lastWords } from '../../errors/index.ts';
import { limited, locate, runProgram } from '../../programs.ts';

const FALLOCATE = 'fallocate';
const WRITABLE = 0o600;
const MEMORY_BYTES = 256 * 1024 ** 2;
const LEAST_MS = 2 * 60_000;
/** What a slow host's storage does at the least. */
const BYTES_PER_MS = 4096;

/** See {@link ImageTool.digHoles}. It works in place, and killed at any moment it leaves the same content. */
export async function digHoles(
  { searchPath }: { readonly searchPath: string },
  path: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const found = await locate(FALLOCATE, searchPath);
  if (found === undefined) return `${FALLOCATE} is not installed: install util-linux`;
  const { program, argv } = await limited(found, ['--dig-holes', path], searchPath, {
    memoryBytes: MEMORY_BYTES,
  });
  // Killed after it was made read-only, the file comes here once more.
  await chmod(path, WRITABLE);
  const timeoutMs = LEAST_MS + Math.ceil((await stat(path)).size / BYTES_PER_MS);
  const { exitCode, stderr, timedOut } = await runProgram(program, argv, { signal, timeoutMs });
  if (exitCode === 0) return undefined;
  return timedOut ? `it was ended after ${Math.round(timeoutMs / 1000)} s` : lastWords(stderr);
}
