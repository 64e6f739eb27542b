import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { systemClock } from '../../../../base/clock.ts';
import { type Behaviour, FakeAgent } from '../../../guest/testing/fake-agent.ts';
import type { Driver } from '../../driver.ts';
import type { VmSpec } from '../../vm.ts';
import { createXenDriver } from '../driver.ts';
import { changeState, emptyState, type FakeDomain, type Outcome } from '../xl/testing/fake-xl.ts';

export const UUID = '00000000-0000-4000-8000-000000000001';
export const OTHER = '00000000-0000-4000-8000-000000000002';

const bridge = { ifname: 'br0', mtu: 1500, flags: ['UP'], linkinfo: { info_kind: 'bridge' } };
const vif = (_: unknown, id: number) => ({ ifname: `vif${id}.0`, mtu: 1500, flags: ['UP'], master: 'br0' });

/** A folder with a fake xl and a fake xenstore, a driver that calls them, and a VM that is not started yet. */
export class FakeHost {
  readonly root: string;
  readonly driver: Driver;
  readonly vm: VmSpec;
  #guest: Server | undefined;
  #skippedMs = 0;

  private constructor(root: string) {
    this.root = root;
    this.driver = this.createDriver();
    const directory = this.#directoryOf(UUID);
    this.vm = {
      uuid: UUID,
      domain: 'default.web-0.00000000',
      directory,
      vcpus: 1,
      memoryBytes: 128 * 1024 * 1024,
      disk: { path: join(directory, 'disk.qcow2'), format: 'qcow2' },
      boot: { kind: 'direct', kernel: '/l/kernel', commandLine: 'console=hvc0' },
      network: { mode: 'bridge', mac: '00:16:3e:01:02:03', bridge: 'br0' },
    };
  }

  static async make(): Promise<FakeHost> {
    const host = new FakeHost(await mkdtemp(join(tmpdir(), 'coppice-xen-')));
    const xl = fileURLToPath(new URL('../xl/testing/fake-xl.ts', import.meta.url));
    const links = JSON.stringify([bridge, ...Array.from({ length: 9 }, vif)]);
    changeState(host.root, emptyState);
    await host.#writeProgram('xl', [process.execPath, xl, host.root]);
    const store = fileURLToPath(new URL('../xl/testing/fake-xenstore.ts', import.meta.url));
    for (const tool of ['read', 'write', 'rm', 'chmod'].map((each) => `xenstore-${each}`)) {
      await host.#writeProgram(tool, [process.execPath, store, host.root, tool]);
    }
    await host.#writeProgram('ip', ['echo', links, '#']);
    await mkdir(host.vm.directory, { recursive: true });
    return host;
  }

  async close(): Promise<void> {
    this.#guest?.close();
    await rm(this.root, { recursive: true, force: true });
  }

  /** @param onPause called at each pause: a driver that waits for something pauses */
  createDriver(onPause: () => void = () => undefined): Driver {
    return createXenDriver({
      // Pauses, of 4 s at most, are shortened; time limits, or what remains of one, are not.
      clock: {
        ...systemClock,
        monotonic: () => systemClock.monotonic() + this.#skippedMs,
        schedule: (ms, run) => {
          onPause();
          return systemClock.schedule(ms > 4_000 ? ms : Math.min(ms, 20), run);
        },
      },
      log: pino({ level: 'silent' }),
      searchPath: `${this.root}:${process.env.PATH}`,
      xlConfiguration: join(this.root, 'xl.conf'),
      socketDirectory: join(this.root, 'sockets'),
    });
  }

  /** Moves the driver's clock on, so that cached answers expire, also those that a busy machine was slow to give. */
  later(): void {
    this.#skippedMs += 60_000;
  }

  /** Arguments of each call of xl up to now. */
  async calls(): Promise<readonly string[]> {
    return (await readFile(join(this.root, 'calls'), 'utf8')).trimEnd().split('\n');
  }

  /** Gives the VM that was just started an agent. */
  async startAgent(behaviour: Behaviour = {}): Promise<FakeAgent> {
    this.#guest?.close();
    const agent = new FakeAgent(behaviour);
    this.#guest = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      agent.connect().then((stream) => socket.pipe(stream).pipe(socket), socket.destroy);
    });
    this.#guest.listen(join(this.root, 'sockets', `${UUID}.agent`));
    await once(this.#guest, 'listening');
    return agent;
  }

  /** How the next creations turn out. */
  plan(...outcomes: readonly Outcome[]): void {
    changeState(this.root, { outcomes });
  }

  async state(): Promise<string | undefined> {
    return (await this.driver.inspect(this.vm.uuid, this.vm.directory))?.state;
  }

  async anotherVm(): Promise<VmSpec> {
    const directory = this.#directoryOf(OTHER);
    await mkdir(directory, { recursive: true });
    const disk = { ...this.vm.disk, path: join(directory, 'disk.qcow2') };
    return { ...this.vm, uuid: OTHER, domain: 'default.web-1.00000000', directory, disk };
  }

  /** A domain of the VM, unless `change` gives it another uuid. */
  aDomain(change: Partial<FakeDomain> = {}): FakeDomain {
    const { uuid, domain, disk } = this.vm;
    return { id: 7, name: domain, uuid, state: '-b----', seconds: '1.2', disk: disk.path, ...change };
  }

  #directoryOf(uuid: string): string {
    return join(this.root, 'state/appliances', uuid);
  }

  async #writeProgram(name: string, command: readonly string[]): Promise<void> {
    const words = command.map((word) => (word === '#' ? word : `'${word}'`)).join(' ');
    await writeFile(join(this.root, name), `#!/bin/sh\nexec ${words} "$@"\n`);
    await chmod(join(this.root, name), 0o755);
  }
}
