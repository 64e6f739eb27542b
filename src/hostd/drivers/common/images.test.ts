import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createImageTool } from './images.ts';
import { findProcess } from './processes.ts';

const searchPath = process.env.PATH ?? '';

let directory: string;
let image: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'coppice-images-'));
  image = join(directory, 'image');
  await writeFile(image, 'content');
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function toolThat(does: string, config: { imageShortMs?: number; searchPath?: string } = {}) {
  const imageBinary = join(directory, 'qemu-img');
  await writeFile(imageBinary, `#!/bin/sh\n${does}\n`);
  await chmod(imageBinary, 0o755);
  return createImageTool({ imageBinary, searchPath, ...config });
}

const HANGS = 'echo $$ > "$(dirname "$0")/pid"; exec sleep 600';

async function pidOfHanging(): Promise<number> {
  return await vi.waitFor(async () => {
    const pid = Number(await readFile(join(directory, 'pid'), 'utf8'));
    expect(pid).toBeGreaterThan(1);
    return pid;
  }, 20_000);
}

describe('a run of qemu-img', () => {
  it.each(['KILL', 'TERM', 'SEGV'])('that SIG%s ended is no judgement of an image', async (signal) => {
    const tool = await toolThat(`kill -${signal} $$`);
    const judged = { kind: 'retry', reason: 'ImageToolEnded' };
    await expect(tool.inspect(image, 'raw')).rejects.toMatchObject(judged);
    await expect(tool.damageOf(image, 'qcow2')).rejects.toMatchObject(judged);
    await expect(tool.convert(image, 'raw', join(directory, 'converted'))).rejects.toMatchObject(judged);
  });

  it('that could not begin is no judgement of an image', async () => {
    const tool = await toolThat('');
    await writeFile(join(directory, 'qemu-img'), '#!/no/such/interpreter\n');
    await expect(tool.damageOf(image, 'qcow2')).rejects.toMatchObject({
      kind: 'retry',
      reason: 'ImageToolBroken',
    });
  });

  it('that has too little memory is no judgement of an image', async () => {
    const tool = await toolThat('echo "qemu-img: Check failed: Cannot allocate memory" >&2; exit 1');
    await expect(tool.damageOf(image, 'qcow2')).rejects.toMatchObject({
      kind: 'retry',
      reason: 'ImageToolBroken',
    });
  });

  it('that refuses an image leaves it to a person, and is quoted in part', async () => {
    const tool = await toolThat('for i in $(seq 200); do echo "damaged $i" >&2; done; exit 1');
    await expect(tool.inspect(image, 'raw')).rejects.toMatchObject({
      kind: 'stalled',
      reason: 'ImageInvalid',
      message: expect.stringMatching(/damaged 1\n.*damaged 5$/s),
    });
    expect(await tool.damageOf(image, 'qcow2')).toMatch(/damaged 5$/);
  });

  it('that prints without an end is ended, and refuses the image', async () => {
    const tool = await toolThat('exec yes "cluster is damaged" >&2');
    await expect(tool.damageOf(image, 'qcow2')).rejects.toMatchObject({ reason: 'ImageInvalid' });
  });

  it('has limits of time and memory', async () => {
    const tool = await toolThat(HANGS, { imageShortMs: 200 });
    await expect(tool.inspect(image, 'raw')).rejects.toMatchObject({ reason: 'ImageToolTimeout' });
    expect(await findProcess(await pidOfHanging())).toBeUndefined();
    const greedy = await toolThat('ulimit -v >&2; exit 1');
    expect(await greedy.damageOf(image, 'qcow2')).toBe(String(2 * 1024 ** 2));
  });

  it('is refused without the programs that give it limits', async () => {
    const tool = await toolThat('', { searchPath: directory });
    await expect(tool.inspect(image, 'raw')).rejects.toMatchObject({
      reason: 'ProgramMissing',
      message: expect.stringContaining('util-linux'),
    });
  });

  it('writes no more than there is room for', async () => {
    const tool = await toolThat('[ "$(ulimit -f)" = 20480 ] && kill -XFSZ $$');
    const limits = { roomBytes: 10 * 1024 ** 2 };
    const target = join(directory, 'target');
    const full = { reason: 'DiskFull', kind: 'retry' };
    await expect(tool.convert(image, 'vmdk', target, limits)).rejects.toMatchObject(full);
    await expect(tool.createClone(image, target, undefined, limits)).rejects.toMatchObject(full);
  });

  it('is gone when its abort is reported', async () => {
    const tool = await toolThat(HANGS);
    const stop = new AbortController();
    const running = tool.convert(image, 'raw', join(directory, 'converted'), { signal: stop.signal });
    const pid = await pidOfHanging();
    stop.abort(new Error('not wanted any more'));
    await expect(running).rejects.toThrow('not wanted any more');
    expect(await findProcess(pid)).toBeUndefined();
  });

  it('does not outlive a daemon that is killed', async () => {
    await toolThat(HANGS);
    const program = `
      import { createImageTool } from ${JSON.stringify(join(import.meta.dirname, 'images.ts'))};
      const config = ${JSON.stringify({ imageBinary: join(directory, 'qemu-img'), searchPath })};
      await createImageTool(config).inspect(${JSON.stringify(image)}, 'raw');`;
    const daemon = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' });
    const pid = await pidOfHanging();
    daemon.kill('SIGKILL');
    await vi.waitFor(async () => expect(await findProcess(pid)).toBeUndefined(), 20_000);
  });

  it('receives the format of every image that it opens, and guesses none', async () => {
    const log = join(directory, 'log');
    const tool = await toolThat(
      `echo "$@" >> ${log}; case $1 in info) echo '{"virtual-size": 1}';; convert|create|dd) ;; esac`,
    );
    const target = join(directory, 'target');
    await tool.inspect(image, 'vmdk');
    await tool.damageOf(image, 'vdi');
    await tool.readStart(image, 'vhdx').catch(() => undefined);
    await tool.convert(image, 'raw', target);
    await tool.createOverlay(image, target, 1024);
    await tool.createClone(image, target, 1024);
    const runs = (await readFile(log, 'utf8')).trim().split('\n');
    expect(runs.map((run) => run.replaceAll(directory, ''))).toEqual([
      'info -U -f vmdk --output=json /image',
      'check -q -U -f vdi /image',
      'dd -U -f vhdx -O raw bs=1048576 count=1 if=/image of=/image.start.partial',
      'convert -U -f raw -O qcow2 /image /target',
      'info -U -f qcow2 --output=json /image',
      'create -q -f qcow2 -F qcow2 -b /image /target 1024',
      'convert -U -f qcow2 -O qcow2 /image /target',
      'info -U -f qcow2 --output=json /target',
      'resize -q -f qcow2 /target 1024',
    ]);
  });
});
