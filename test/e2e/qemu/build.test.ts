import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HostClient } from '../../../src/host/client.ts';
import type { ApplianceStatus, DesiredAppliance, DesiredBuildStep } from '../../../src/host/protocol.ts';
import {
  applianceOf,
  type Certificates,
  clientOf,
  createCertificates,
  eventually,
  importFile,
  untilGone,
} from '../../integration/hostd/fixtures.ts';
import { bundled } from '../../programs.ts';
import { describeUnless } from '../../skip.ts';
import { buildGuestImage } from '../guest-vm.ts';
import { killAndWait, processesNaming } from '../processes.ts';
import { noQemu } from './scene.ts';

const repository = resolve(import.meta.dirname, '../../..');
const CHILD = await bundled(new URL('../../integration/hostd/child.ts', import.meta.url));
const PATIENCE_MS = 300_000;

/** Besides what the test looks for, what makes a machine one of its own. */
const UNIQUE = `echo one >/srv/one
mkdir -p /etc/ssh /etc/coppice/on-clone.d /var/log
for path in /etc/machine-id /etc/ssh/ssh_host_rsa_key /etc/coppice/env /etc/coppice/on-clone.d/10 /root/.ash_history /var/log/messages; do echo x >"$path"; done`;

const seconds = { timeoutSeconds: 120 };
const run = (script: string, name?: string): DesiredBuildStep => ({
  kind: 'run',
  script,
  ...seconds,
  ...(name === undefined ? {} : { name }),
});
const bytes = (text: string) => ({ kind: 'bytes', base64: Buffer.from(text).toString('base64') }) as const;

/** A daemon with QEMU, in a process of its own. */
class Host {
  readonly directory: string;
  readonly #certificates: Certificates;
  #process: ChildProcess | undefined;
  #client: HostClient | undefined;

  constructor(directory: string, certificates: Certificates) {
    this.directory = directory;
    this.#certificates = certificates;
  }

  get client(): HostClient {
    if (this.#client === undefined) throw new Error('the daemon does not run');
    return this.#client;
  }

  async start(): Promise<void> {
    const file = join(this.directory, 'certificates.json');
    await writeFile(file, JSON.stringify(this.#certificates));
    const pace = { watchMs: 1000, pollMs: 50, questionMs: 2000, shutdownMs: 60_000, containerMs: 60_000 };
    const more = {
      driver: 'qemu',
      fileRoots: ['/'],
      overrides: { pace: { ...pace, backoff: { initialMs: 100, maxMs: 1000 } }, reserveBytes: 0 },
    };
    const args = [CHILD, join(this.directory, 'state'), file, JSON.stringify(more)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    this.#process = child;
    this.#client = clientOf(url, this.#certificates);
  }

  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
    this.#process = undefined;
    await this.#client?.close();
  }

  async close(): Promise<void> {
    await this.kill();
    for (const { pid } of await processesNaming(this.directory)) await killAndWait(pid);
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Resolves with the status of which `holds` is true. */
  until(uuid: string, holds: (status: ApplianceStatus) => boolean): Promise<ApplianceStatus> {
    return eventually(
      async () => {
        const status = await this.client.getAppliance(uuid);
        return status !== undefined && holds(status) ? status : undefined;
      },
      () => this.client.getAppliance(uuid),
      PATIENCE_MS,
    );
  }

  log(uuid: string): Promise<string> {
    return this.client.getBuildLog(uuid, 100_000);
  }
}

describeUnless(noQemu, 'the build of a template under QEMU', () => {
  let host: Host;
  let base: Partial<DesiredAppliance> & { readonly layer: string };

  beforeAll(async () => {
    const image = await buildGuestImage(repository, join(repository, '.coppice/test-guest'));
    host = new Host(await mkdtemp(join(tmpdir(), 'coppice-build-')), await createCertificates());
    await host.start();
    const layerOf = async (path: string, kind: 'disk' | 'boot') => {
      const sha256 = createHash('sha256')
        .update(await readFile(path))
        .digest('hex');
      return importFile(host.client, { url: pathToFileURL(path).href, sha256 }, { kind });
    };
    const [layer, kernel, initrd] = [
      await layerOf(image.disk, 'disk'),
      await layerOf(image.kernel, 'boot'),
      await layerOf(image.initrd, 'boot'),
    ];
    base = {
      layer,
      boot: { kind: 'direct', kernel, initrd, commandLine: image.kernelArguments },
      network: { mode: 'user', ports: [] },
      agentTimeoutSeconds: 300,
    };
  }, PATIENCE_MS);

  afterAll(() => host?.close());

  const start = async (steps: readonly DesiredBuildStep[], clean: readonly string[] = []) => {
    const desired = applianceOf(base.layer, { ...base, build: { steps, clean } });
    await host.client.putAppliance(desired);
    return desired.uuid;
  };
  const remove = async (uuid: string) => {
    await host.client.deleteAppliance(uuid);
    await untilGone(host.client, uuid);
  };

  it('carries out steps over a reboot and the death of its daemon, cleans the guest, and powers off for good', async () => {
    const uuid = await start(
      [
        run(UNIQUE, 'first'),
        { kind: 'copy', content: bytes('two\n'), to: '/srv/new/two', mode: '0600', ...seconds },
        { kind: 'reboot', ...seconds },
        // Twice would show: it appends.
        run(
          'echo begun >>/srv/three; for n in 1 2 3 4 5 6 7 8; do echo "tick $n"; sleep 1; done; echo done >>/srv/three',
          'slow',
        ),
        run('cat /srv/one /srv/new/two /srv/three; stat -c %a /srv/new/two; touch /srv/www/extra'),
      ],
      ['/srv/www/extra'],
    );
    await eventually(
      async () => (await host.log(uuid)).includes('tick 2'),
      () => host.log(uuid),
      PATIENCE_MS,
    );
    await host.kill();
    await host.start();
    const built = await host.until(uuid, ({ build }) => build?.state === 'Built');
    expect(built).toMatchObject({ vm: { state: 'Absent' }, build: { attempt: 1, step: 6, steps: 5 } });
    expect(built.problem).toBeUndefined();
    const log = await host.log(uuid);
    expect(log).toContain('one\ntwo\nbegun\ndone\n600\n');
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) expect(log.split(`tick ${n}\n`)).toHaveLength(2);
    for (const path of [
      '/etc/ssh/ssh_host_rsa_key',
      '/etc/coppice/env',
      '/root/.ash_history',
      '/srv/www/extra',
    ])
      expect(log).toContain(`removed ${path}\n`);
    // What clones of the template run is the template's own.
    expect(log).not.toContain('on-clone.d');
    for (const path of ['/etc/machine-id', '/var/log/messages']) expect(log).toContain(`emptied ${path}\n`);
    await remove(uuid);
  });

  it('begins again on a new disk when its VM dies, and ends for good with a step that fails', async () => {
    const uuid = await start([
      run('echo mark >>/srv/mark'),
      run('sleep 6; cat /srv/mark; echo no such thing >&2; exit 7', 'broken'),
      run('echo never'),
    ]);
    const { vm } = await host.until(uuid, ({ build, vm }) => build?.step === 2 && vm.state === 'Running');
    await killAndWait(vm.pid ?? 0);
    const failed = await host.until(uuid, ({ build }) => build?.state === 'Failed');
    expect(failed).toMatchObject({
      build: { attempt: 2, failure: { step: 2, name: 'broken', exitCode: 7, reason: 'BuildStepFailed' } },
    });
    expect(failed.build?.failure?.message).toContain(
      'step 2 of 3 (broken) ended with exit code 7: mark\nno such thing;',
    );
    // Its guest is left as it is, and stays that way when another daemon finds it.
    await host.kill();
    await host.start();
    const found = await host.until(uuid, ({ problem }) => problem !== undefined);
    expect(found).toMatchObject({
      vm: { state: 'Running' },
      build: failed.build,
      problem: { reason: 'BuildStepFailed' },
    });
    expect(found.problem?.retryAt).toBeUndefined();
    const log = await host.log(uuid);
    expect(log).toContain('it begins again on a new disk (attempt 2 of 5)');
    expect(log).not.toContain('never');
    await remove(uuid);
  });
});
