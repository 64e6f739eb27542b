import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createImageTool } from './images.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coppice-images-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function toolThat(does: string) {
  const imageBinary = join(directory, 'qemu-img');
  await writeFile(imageBinary, `#!/bin/sh\n${does}\n`);
  await chmod(imageBinary, 0o755);
  return createImageTool({ imageBinary, searchPath: '' });
}

it.each(['KILL', 'TERM', 'SEGV'])('an image is not judged by a qemu-img that SIG%s ended', async (signal) => {
  const tool = await toolThat(`kill -${signal} $$`);
  const judged = { kind: 'retry', reason: 'ImageToolEnded' };
  await expect(tool.inspect(join(directory, 'image'))).rejects.toMatchObject(judged);
  await expect(
    tool.convert(join(directory, 'image'), join(directory, 'converted'), new AbortController().signal),
  ).rejects.toMatchObject(judged);
});

it('an image that qemu-img refuses waits for a person', async () => {
  const tool = await toolThat('echo damaged >&2; exit 1');
  await expect(tool.inspect(join(directory, 'image'))).rejects.toMatchObject({
    kind: 'stalled',
    reason: 'ImageInvalid',
    message: expect.stringContaining('damaged'),
  });
});
