import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { pino } from 'pino';
import type { VirtualAppliance } from '../../src/api/kinds.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createQemuDriver } from '../../src/hostd/drivers/qemu/driver.ts';
import type { Guest } from '../../src/hostd/guest/guest.ts';

const POLL_MS = 50;
const PING_MS = 2_000;
const run = promisify(execFile);

/** How Coppice started one VM: what is started without it as well. */
export type Command = {
  readonly uuid: string;
  readonly argv: readonly string[];
  readonly disk: string;
  readonly layer: string;
};

/** The command line of an appliance's VM, with its disk and the layer below it. */
export async function commandOf({ metadata, status }: VirtualAppliance): Promise<Command> {
  const argv = status?.vm?.commandLine ?? [];
  const disk = nodeOf(argv).file.filename;
  const { stdout } = await run('qemu-img', ['info', '-U', '-f', 'qcow2', '--output=json', disk]);
  const { 'full-backing-filename': layer } = JSON.parse(stdout) as { 'full-backing-filename': string };
  return { uuid: metadata.uid ?? '', argv, disk, layer };
}

/** A disk in QEMU's command line: its file, and what it is based on. */
type Node = { readonly file: { readonly filename: string }; readonly backing?: unknown };

function nodeOf(argv: readonly string[]): Node {
  return JSON.parse(argv[argv.indexOf('-blockdev') + 1] ?? '') as Node;
}

/** The command line with another disk, which is based on `layer`, and that on what Coppice's disk was based on, or is it. */
function argvWith({ argv, disk, layer: known }: Command, other: string, layer: string): readonly string[] {
  const { backing, file, ...node } = nodeOf(argv);
  const driver = { driver: 'qcow2', 'read-only': true, file: { driver: 'file', filename: layer } };
  const changed = JSON.stringify({
    ...node,
    file: { ...file, filename: other },
    backing: layer === known ? backing : { ...driver, backing },
  });
  const at = argv.indexOf('-blockdev') + 1;
  return argv.map((word, index) => (index === at ? changed : word.replaceAll(disk, other)));
}

/** A VM as Coppice would start it, made by `qemu-img create` and QEMU alone. */
export class BareVm {
  readonly disk: string;
  readonly guest: Guest;
  readonly #child: ChildProcess;

  private constructor(disk: string, guest: Guest, child: ChildProcess) {
    this.disk = disk;
    this.guest = guest;
    this.#child = child;
  }

  /**
   * An overlay and a QEMU, which then runs.
   * @param folder must not exist
   * @param layer what the overlay is based on; default: what Coppice's was
   */
  static async start(folder: string, command: Command, layer = command.layer): Promise<BareVm> {
    await mkdir(folder);
    const driver = createQemuDriver({
      clock: systemClock,
      log: pino({ level: 'silent' }),
      stateDirectory: folder,
      searchPath: process.env.PATH ?? '',
    });
    const disk = join(folder, 'disk.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', layer, disk]);
    const [program = '', ...args] = argvWith(command, disk, layer);
    const child = spawn(program, args, { cwd: folder, stdio: 'ignore' });
    await once(child, 'spawn');
    return new BareVm(disk, driver.guest(command.uuid, folder), child);
  }

  untilAgentAnswers(): Promise<void> {
    return this.until(() => this.guest.ping(PING_MS));
  }

  /** Asks again and again until `look` no longer rejects. @throws when QEMU ends meanwhile */
  async until(look: () => Promise<unknown>): Promise<void> {
    for (;;) {
      const isSo = await look().then(
        () => true,
        () => false,
      );
      if (isSo) return;
      if (this.#child.exitCode !== null) throw new Error(`QEMU ended with ${this.#child.exitCode}`);
      await delay(POLL_MS);
    }
  }

  /** Has the guest power off and waits until QEMU has ended. */
  async powerOff(): Promise<void> {
    await this.guest.shutdown(PING_MS);
    await this.#ended();
    this.guest.close();
  }

  async kill(): Promise<void> {
    this.guest.close();
    this.#child.kill('SIGKILL');
    await this.#ended();
  }

  async #ended(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }
}
