import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ifReadable } from '../../files/if-there.ts';
import { folderOf, runsBelow, runsForDaemon, runsIn } from '../common/process-folder.ts';
import { allProcesses, type FoundProcess, findProcess } from '../common/processes.ts';
import { vmFiles } from './files.ts';

/** A running QEMU, as /proc shows it. The folder that it runs in is, for a VM of this driver, the VM's own. */
export type QemuProcess = FoundProcess & { readonly directory: string };

/**
 * The QEMU that runs the VM `uuid` in `directory`. The pid file only shortens the search: the process's own arguments decide.
 * So a process number that now belongs to another program is never taken for the VM, and a VM is found even if its daemon died
 * before it wrote anything down.
 */
export async function findVm(uuid: string, directory: string): Promise<QemuProcess | undefined> {
  return (await findVmOrOther(uuid, directory)).vm;
}

/** As `findVm`; when there is no such QEMU, also another QEMU that runs with the same uuid. */
export async function findVmOrOther(
  uuid: string,
  directory: string,
): Promise<{ readonly vm?: QemuProcess; readonly other?: QemuProcess }> {
  const recorded = await recordedPid(directory);
  const candidate = recorded === undefined ? undefined : await qemuProcess(recorded);
  const isIt = async (found: QemuProcess) => uuidOf(found) === uuid && (await runsIn(found, directory));
  if (candidate !== undefined && (await isIt(candidate))) return { vm: candidate };
  const sameUuid = (await allQemu()).filter((found) => uuidOf(found) === uuid);
  for (const found of sameUuid) if (await runsIn(found, directory)) return { vm: found };
  const [other] = sameUuid;
  return other === undefined ? {} : { other };
}

/** Names of the VMs that no daemon's QEMU runs, neither of this one, whose folder is `root`, nor of another, in order. */
export async function foreignVms(root: string): Promise<readonly string[]> {
  const all = await Promise.all(
    (await allQemu()).map(async (found) => {
      const isOurs =
        (await runsBelow(found, root)) || (await runsForDaemon(found, uuidOf(found), vmFiles.configuration));
      return isOurs ? [] : [nameOf(found)];
    }),
  );
  return all.flat().sort();
}

/** The pid in the VM's folder: of a running QEMU, or of one that did not end in order. */
export async function recordedPid(directory: string): Promise<number | undefined> {
  const text = await ifReadable(readFile(join(directory, vmFiles.pid), 'utf8'));
  const pid = Number.parseInt(text ?? '', 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
}

/** Every QEMU on this host that runs a VM. */
export async function allQemu(): Promise<readonly QemuProcess[]> {
  const found = await Promise.all((await allProcesses()).map(asQemu));
  return found.filter((process) => process !== undefined);
}

/** The name of the VM, or QEMU's process number when it was started without a name. */
export function nameOf(process: QemuProcess): string {
  const option = optionOf(process, '-name') ?? '';
  const name = option.split(',').find((part) => part.startsWith('guest=') || !part.includes('='));
  return name === undefined || name === '' ? `pid ${process.pid}` : name.replace(/^guest=/, '');
}

/** The uuid that a QEMU was given for its VM. */
function uuidOf(process: QemuProcess): string | undefined {
  return optionOf(process, '-uuid');
}

async function qemuProcess(pid: number): Promise<QemuProcess | undefined> {
  const found = await findProcess(pid);
  return found === undefined ? undefined : asQemu(found);
}

/** Undefined for a program that is not QEMU, and for a process that ends meanwhile. */
async function asQemu(found: FoundProcess): Promise<QemuProcess | undefined> {
  if (!/^qemu-(system-|kvm)/.test(basename(found.arguments[0] ?? ''))) return undefined;
  const directory = await folderOf(found.pid);
  return directory === undefined ? undefined : { ...found, directory };
}

function optionOf(process: QemuProcess, option: string): string | undefined {
  const at = process.arguments.indexOf(option);
  return at === -1 ? undefined : process.arguments[at + 1];
}
