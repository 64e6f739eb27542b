import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { GuestAction } from '../../../src/domain/services/types.ts';
import { createAgentWork } from '../../../src/hostd/guest/agent-work.ts';
import type { Guest } from '../../../src/hostd/guest/guest.ts';
import { describeUnless } from '../../skip.ts';
import { packFiles } from './archives.ts';
import { noQemu, Scene } from './scene.ts';

const mebibyte = 1024 * 1024;
const patience = { timeoutMs: 120_000 };

describeUnless(noQemu, 'a guest through its agent', () => {
  let scene: Scene;
  let guest: Guest;

  beforeAll(async () => {
    scene = await Scene.create();
    ({ guest } = await scene.running({ diskBytes: 64 * mebibyte }));
  });

  afterAll(() => scene.close());

  const output = async (...argv: readonly string[]) => (await guest.exec(argv, patience)).stdout.trim();
  const run = (actions: readonly GuestAction[], path: string, signal = new AbortController().signal) =>
    createAgentWork().run(guest, actions, { kind: 'archive', path, fileName: 'package' }, signal);

  it('runs programs with their environment and gives back exit code and both outputs', async () => {
    const script = 'echo "$GREETING"; echo trouble >&2; exit 7';
    const result = await guest.exec(['/bin/sh', '-c', script], { env: { GREETING: 'grüezi' }, ...patience });
    expect(result).toEqual({ exitCode: 7, stdout: 'grüezi\n', stderr: 'trouble\n' });
    expect((await guest.exec(['/bin/sh', '-c', 'kill -TERM $$'], patience)).exitCode).toBe(143);
    await expect(guest.exec(['/bin/no-such-program'], patience)).rejects.toMatchObject({
      reason: 'GuestAgentRefused',
      message: expect.stringContaining('/bin/no-such-program'),
    });
  });

  it('kills a program that does not end in time, and all that it started', async () => {
    const script = 'sleep 4321 & sleep 4321; :';
    await expect(guest.exec(['/bin/sh', '-c', script], { timeoutMs: 1_000 })).rejects.toMatchObject({
      reason: 'GuestCommandTimeout',
    });
    expect(await output('/bin/busybox', 'ps')).not.toContain('sleep 4321');
  });

  it('writes a large file whole, and answers others meanwhile', async () => {
    const content = randomBytes(3 * mebibyte);
    const chunks = async function* () {
      for (let at = 0; at < content.length; at += 100_000) yield content.subarray(at, at + 100_000);
    };
    const path = '/srv/new folder/large';
    let written = false;
    const writing = guest.writeFile(path, chunks(), patience).then(() => {
      written = true;
    });
    await guest.ping(patience.timeoutMs);
    expect(written).toBe(false);
    await writing;
    const digest = createHash('sha256').update(content).digest('hex');
    expect(await output('sha256sum', path)).toBe(`${digest}  ${path}`);
    expect(await output('ls', '/srv/new folder')).toBe('large');
    await guest.exec(['rm', path], patience);
  });

  it('says that the guest is full, leaves nothing behind, and refuses in advance what cannot fit', async () => {
    // Written from within, the disk is filled in a second; through the agent it would take half a minute.
    const ballast = 'dd if=/dev/zero of=/srv/ballast bs=1M count=40';
    expect(await guest.exec(['/bin/sh', '-c', ballast], patience)).toMatchObject({ exitCode: 0 });
    const zeroes = async function* () {
      for (let sent = 0; sent < 128; sent += 1) yield randomBytes(mebibyte);
    };
    const full = guest.writeFile('/srv/www/huge', zeroes(), { timeoutMs: 600_000 });
    await expect(full).rejects.toMatchObject({
      reason: 'GuestDiskFull',
      message: expect.stringContaining('/srv/www/huge'),
    });
    expect(await output('ls', '-A', '/srv/www')).not.toContain('huge');

    const file = join(scene.root, 'huge');
    await writeFile(file, Buffer.alloc(100 * mebibyte));
    const put: GuestAction = { kind: 'putPackage', title: 'transfer the package', path: '/srv/www/huge' };
    await expect(run([put], file)).rejects.toMatchObject({
      reason: 'GuestDiskFull',
      message: expect.stringMatching(/transfer the package.* needs 100\.0 MiB .* has \d+\.\d MiB free/),
    });
    await guest.exec(['rm', '/srv/ballast'], patience);
  });

  it.each(['tar', 'tar.gz', 'zip'] as const)('unpacks a %s package in place', async (format) => {
    const file = join(scene.root, `site.${format}`);
    await packFiles(format, file, { 'index.html': 'hello', 'docs/page.html': 'deep' });
    const path = `/srv/unpacked.${format}`;
    const make: GuestAction = { kind: 'exec', title: 'make it', argv: ['mkdir', path], timeoutSeconds: 60 };
    await run([make, { kind: 'putPackage', title: 'transfer', path, unpack: format }], file);
    expect(await output('/bin/sh', '-c', `cd ${path}; cat index.html docs/page.html; ls -A`)).toBe(
      'hellodeepdocs\nindex.html',
    );
  });

  it('writes inline files in their folders, and none outside', async () => {
    const work = createAgentWork();
    const { signal } = new AbortController();
    const put: GuestAction = { kind: 'putFiles', title: 'transfer the files', directory: '/srv/inline' };
    const files = { 'a.txt': Buffer.from('A'), 'b/c.txt': Buffer.from('C') };
    await work.run(guest, [put], { kind: 'files', files }, signal);
    expect(await output('cat', '/srv/inline/a.txt', '/srv/inline/b/c.txt')).toBe('AC');
    const outside = { '../../etc/evil': Buffer.from('!') };
    await expect(work.run(guest, [put], { kind: 'files', files: outside }, signal)).rejects.toMatchObject({
      reason: 'PackageInvalid',
    });
    expect((await guest.exec(['ls', '/etc/evil'], patience)).exitCode).not.toBe(0);
  });

  it('stops at the first action that fails, with its title and last words', async () => {
    const fail: GuestAction = {
      kind: 'exec',
      title: 'prepare the ground',
      argv: ['/bin/sh', '-c', 'echo "the ground is frozen" >&2; exit 4'],
      timeoutSeconds: 60,
    };
    const never: GuestAction = {
      kind: 'exec',
      title: 'go on',
      argv: ['mkdir', '/srv/never'],
      timeoutSeconds: 60,
    };
    await expect(run([fail, never], '/nowhere')).rejects.toMatchObject({
      reason: 'GuestCommandFailed',
      message: expect.stringMatching(/prepare the ground.*exit code 4.*the ground is frozen/),
    });
    expect((await guest.exec(['ls', '/srv/never'], patience)).exitCode).not.toBe(0);
    const aborted = run([never], '/nowhere', AbortSignal.abort(new Error('enough')));
    await expect(aborted).rejects.toThrow('enough');
  });
});
