import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/base/clock.ts';
import { connectIn } from '../../../src/hostd/drivers/common/socket.ts';
import { type Qmp, withQmp } from '../../../src/hostd/drivers/qemu/qmp.ts';
import { AgentClient } from '../../../src/hostd/guest/agent.ts';
import { createAgentGuest } from '../../../src/hostd/guest/agent-guest.ts';
import type { Guest } from '../../../src/hostd/guest/guest.ts';
import type { GuestImage } from '../guest-vm.ts';

const run = promisify(execFile);

const bootLimitMs = 300_000;
const monitorLimitMs = 60_000;

/** The machine whose memory all clones have. */
export const SOURCE = { uuid: '5a5a5a5a-0000-4000-8000-000000000001', mac: '52:00:00:00:00:01' } as const;

export type Clone = {
  readonly guest: Guest;
  readonly link: (up: boolean) => Promise<unknown>;
  readonly end: () => Promise<void>;
};

/** One VM's memory and disk at one moment, and VMs that continue from there, each with its link down. */
export class CapturedGuest {
  readonly folder: string;
  readonly #image: GuestImage;
  readonly #clones: Clone[] = [];

  private constructor(folder: string, image: GuestImage) {
    this.folder = folder;
    this.#image = image;
  }

  /** @param prepare what is done in the guest before its memory is captured */
  static async of(image: GuestImage, prepare: (guest: Guest) => Promise<unknown>): Promise<CapturedGuest> {
    const captured = new CapturedGuest(await mkdtemp(join(tmpdir(), 'coppice-clones-')), image);
    const source = await captured.#start('source', image.disk, 'on', []);
    await source.guest.ping(bootLimitMs);
    await prepare(source.guest);
    await captured.#monitor('source', async (qmp) => {
      await ignoreShared(qmp);
      await qmp.execute('migrate', { uri: `exec:cat >'${captured.folder}/state'` });
      await untilMigrated(qmp);
    });
    await source.end();
    for (const name of ['ram', 'source.qcow2']) await chmod(join(captured.folder, name), 0o444);
    return captured;
  }

  /** A VM that runs from the captured moment on, not connected. */
  async clone(name: string): Promise<Clone> {
    const clone = await this.#start(name, join(this.folder, 'source.qcow2'), 'off', [
      '-S',
      '-incoming',
      'defer',
    ]);
    this.#clones.push(clone);
    await this.#monitor(name, async (qmp) => {
      await ignoreShared(qmp);
      await qmp.execute('migrate-incoming', { uri: `exec:cat '${this.folder}/state'` });
      await untilMigrated(qmp);
      await qmp.execute('set_link', { name: 'net0', up: false });
      await qmp.execute('cont');
    });
    return clone;
  }

  async close(): Promise<void> {
    for (const { end } of this.#clones) await end();
    await rm(this.folder, { recursive: true, force: true });
  }

  #monitor<T>(name: string, use: (qmp: Qmp) => Promise<T>): Promise<T> {
    return withQmp(systemClock, () => connect(join(this.folder, name), 'qmp.sock'), monitorLimitMs, use);
  }

  async #start(name: string, base: string, share: 'on' | 'off', more: readonly string[]): Promise<Clone> {
    const folder = join(this.folder, name);
    await mkdir(folder);
    const disk = share === 'on' ? join(this.folder, 'source.qcow2') : join(folder, 'disk.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, disk]);
    const process = spawn('qemu-system-x86_64', [...this.#arguments(folder, disk, share), ...more], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const ended = once(process, 'exit');
    await untilListening(process, folder);
    const client = new AgentClient(systemClock, () => connect(folder, 'agent.sock'));
    return {
      guest: createAgentGuest({ clock: systemClock, agent: client }, () => client.close()),
      link: (up) => this.#monitor(name, (qmp) => qmp.execute('set_link', { name: 'net0', up })),
      end: async () => {
        client.end();
        process.kill('SIGKILL');
        await ended;
        await rm(folder, { recursive: true, force: true });
      },
    };
  }

  #arguments(folder: string, disk: string, share: 'on' | 'off'): string[] {
    const { kernel, initrd, kernelArguments } = this.#image;
    const ram = `memory-backend-file,id=ram,size=128M,mem-path=${this.folder}/ram,share=${share}`;
    return [
      ...['-M', 'pc-i440fx-7.2,memory-backend=ram', '-accel', 'tcg,tb-size=32', '-cpu', 'max,la57=off'],
      ...['-m', '128', '-smp', '1', '-nodefaults', '-display', 'none', '-object', ram, '-uuid', SOURCE.uuid],
      ...['-kernel', kernel, '-initrd', initrd, '-append', kernelArguments],
      ...['-drive', `file=${disk},if=virtio,format=qcow2`, '-serial', 'null', '-device', 'virtio-serial'],
      ...['-chardev', `socket,id=agent,path=${join(folder, 'agent.sock')},server=on,wait=off`],
      ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
      ...[
        '-netdev',
        'user,id=net',
        '-device',
        `virtio-net-pci,id=net0,netdev=net,mac=${SOURCE.mac},romfile=`,
      ],
      ...['-qmp', `unix:${join(folder, 'qmp.sock')},server=on,wait=off`],
    ];
  }
}

function connect(folder: string, socket: string) {
  return connectIn(systemClock, folder, socket, monitorLimitMs);
}

function ignoreShared(qmp: Qmp): Promise<unknown> {
  const capabilities = [{ capability: 'x-ignore-shared', state: true }];
  return qmp.execute('migrate-set-capabilities', { capabilities });
}

async function untilMigrated(qmp: Qmp): Promise<void> {
  for (;;) {
    const { status } = (await qmp.execute('query-migrate')) as { readonly status?: string };
    if (status === 'completed') return;
    if (status === 'failed') throw new Error('QEMU could not migrate the memory');
    await delay(20);
  }
}

async function untilListening(process: ChildProcess, folder: string): Promise<void> {
  for (;;) {
    if (process.exitCode !== null) throw new Error(`QEMU ended with code ${process.exitCode}`);
    try {
      (await connect(folder, 'qmp.sock')).destroy();
      return;
    } catch {
      await delay(20); // QEMU has not made its socket yet
    }
  }
}
