import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bootGuest, buildGuestImage, createOverlay, type GuestImage, type GuestVm } from './guest-vm.ts';
import type { JsonSocket } from './json-socket.ts';

const repository = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Runs a program in the guest and resolves to its exit code and what it printed. */
async function execute(agent: JsonSocket, path: string, ...arg: string[]) {
  const { pid } = (await agent.call('guest-exec', { path, arg, 'capture-output': true })) as { pid: number };
  for (;;) {
    const status = (await agent.call('guest-exec-status', { pid })) as {
      exited: boolean;
      exitcode?: number;
      'out-data'?: string;
      'err-data'?: string;
    };
    if (status.exited) {
      const output = (status['out-data'] ?? '') + (status['err-data'] ?? '');
      return { exitCode: status.exitcode, output: Buffer.from(output, 'base64').toString() };
    }
    await delay(20);
  }
}

async function writeFile(agent: JsonSocket, path: string, content: string): Promise<void> {
  const handle = await agent.call('guest-file-open', { path, mode: 'w' });
  await agent.call('guest-file-write', { handle, 'buf-b64': Buffer.from(content).toString('base64') });
  await agent.call('guest-file-close', { handle });
}

/** One story in three parts: each goes on with the disk that the part before it left. */
describe('minimal guest image', () => {
  let image: GuestImage;
  let folder: string;
  let vm: GuestVm | undefined;

  beforeAll(async () => {
    image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    folder = await mkdtemp(join(tmpdir(), 'coppice-guest-'));
    await createOverlay(image, join(folder, 'overlay.qcow2'));
  });

  afterEach(() => vm?.kill());

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  const boot = async (memoryMiB: number) => {
    vm = await bootGuest(image, folder, join(folder, 'overlay.qcow2'), memoryMiB);
    return vm;
  };

  it('boots to a working agent, shell and web server, and powers off when the agent gets that command', async () => {
    const { agent, url, console, ended } = await boot(128);
    expect(await agent.call('guest-ping')).toEqual({});
    expect(await console()).toMatch(/coppice-guest ready after [\d.]+ s/);

    await writeFile(agent, '/srv/www/index.html', 'grown\n');
    expect(await (await fetch(url)).text()).toBe('grown\n');

    const script =
      'cd /opt && echo a > x && tar cz x | tar tz && awk 1 x && which unzip nc pidof start-stop-daemon';
    expect(await execute(agent, '/bin/sh', '-c', script)).toEqual({
      exitCode: 0,
      output: 'x\na\n/usr/bin/unzip\n/usr/bin/nc\n/usr/bin/pidof\n/usr/sbin/start-stop-daemon\n',
    });

    agent.send('guest-shutdown');
    expect(await ended()).toBe(0);
  });

  it('keeps its disk over a restart, restarts its web server, and obeys the power button, with 96 MiB', async () => {
    const { agent, url, pressPower, ended } = await boot(96);
    expect(await (await fetch(url)).text()).toBe('grown\n');

    const first = await execute(agent, '/bin/sh', '-c', 'pid=$(pidof httpd) && kill -9 $pid && echo $pid');
    expect(first.exitCode).toBe(0);
    const again = 'until pid=$(pidof httpd) && [ "$pid" != "$0" ]; do usleep 50000; done';
    expect(await execute(agent, '/bin/sh', '-c', again, first.output.trim())).toEqual({
      exitCode: 0,
      output: '',
    });

    await pressPower();
    expect(await ended()).toBe(0);
  });

  it('leaves a clean disk and a sound overlay behind', async () => {
    await run('qemu-img', ['check', '-q', '-f', 'qcow2', join(folder, 'overlay.qcow2')]);
    const raw = join(folder, 'disk.raw');
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', join(folder, 'overlay.qcow2'), raw]);
    await run('e2fsck', ['-fn', raw]);
  });
});
