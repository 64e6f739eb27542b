import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CUT, type Ending, EndingServer, WHOLE } from './endings.ts';
import { withDirectory } from './fixtures.ts';

const run = promisify(execFile);
const DOWNLOADING = join(import.meta.dirname, 'downloading.ts');

/** Less than the sockets' buffers hold, so that the end is there before the body is read; more; and much more. */
const SIZES = [70_000, 250_000, 3_000_000];

/** What a process says that downloads from such a server; rejects when the process dies. */
async function downloadFrom(ending: Ending, content: Buffer, path: string): Promise<string> {
  const sha256 = createHash('sha256').update(content).digest('hex');
  const server = await EndingServer.start(ending, content);
  try {
    const { stdout } = await run(process.execPath, [DOWNLOADING, server.url, sha256, path]);
    return stdout.trim();
  } finally {
    await server.close();
  }
}

describe.each(SIZES)('a slow download of %i bytes', (size) => {
  it.each(Object.entries(WHOLE))('is whole when the answer ends %s', async (_, ending) => {
    await withDirectory(async (directory) => {
      const content = randomBytes(size);
      const path = join(directory, 'image');
      expect(await downloadFrom(ending, content, path)).toBe('whole');
      expect((await readFile(path)).equals(content)).toBe(true);
    });
  });

  it.each(Object.entries(CUT))('fails for now when the answer is cut %s', async (_, ending) => {
    await withDirectory(async (directory) => {
      const outcome = await downloadFrom(ending, randomBytes(size), join(directory, 'image'));
      // A reset of an answer without a length can look like its end; the digest tells.
      expect(outcome).toMatch(/^(SourceEndedEarly|SourceUnreachable|DigestMismatch), retry$/);
    });
  });
});
