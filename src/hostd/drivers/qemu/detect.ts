import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../../base/json.ts';
import { hostErrors, messageOf } from '../../errors/index.ts';
import { makeDirectory, readJsonIfThere, writeJsonDurably } from '../../files/durable-files.ts';
import { ifReadable } from '../../files/if-there.ts';
import { locate, runProgram } from '../../programs.ts';
import { MACHINE_TYPE, type Machine } from './command-line.ts';
import { forkProblemOf } from './fork/can-fork.ts';
import { trialVersion, tryMachine } from './trial.ts';

/** Which accelerator the configuration asks for. */
export type AcceleratorChoice = 'auto' | 'kvm' | 'tcg';

/** This host's QEMU, as trial guests showed it to work. */
export type Hypervisor = Machine & {
  readonly program: string;
  readonly version: string;
  /** QEMU's own name of this version of its machine `pc`, which stays when QEMU is upgraded. */
  readonly machineType: string;
  /** Why this host cannot fork running VMs; unset if it can. */
  readonly forkProblem?: string;
  /** Why the accelerator is not KVM. */
  readonly acceleratorReason?: string;
};

/** Who may watch writes to memory, which a fork needs. */
const FAULTS = '/proc/sys/vm/unprivileged_userfaultfd';

type DetectOptions = {
  readonly binary: string;
  readonly accelerator: AcceleratorChoice;
  readonly searchPath: string;
  /** Caches the result here, so that trial guests run once per boot of the host and not at each start of the daemon. */
  readonly stateDirectory: string;
};

/**
 * Finds QEMU and the best accelerator with which it really runs a guest here. Rejects with `HypervisorMissing`,
 * `HypervisorBroken` (no guest runs at all) or `AcceleratorUnavailable` (the configuration demands KVM and KVM does not work).
 */
export async function detect(options: DetectOptions): Promise<Hypervisor> {
  const program = await locate(options.binary, options.searchPath);
  if (program === undefined) throw hostErrors.hypervisorMissing(options.binary);
  await makeDirectory(options.stateDirectory);
  const cache = join(options.stateDirectory, 'hypervisor.json');
  const key = await keyOf(program, options.accelerator);
  const known = await readKnown(cache, key);
  if (known !== undefined) return known;
  const found = await tryOut(program, options);
  await writeJsonDurably(cache, { key, found });
  return found;
}

/**
 * Changes whenever the result may change: the trial, the program, the host's kernel (by its boot), access to KVM and to faults, the
 * choice.
 */
async function keyOf(program: string, accelerator: AcceleratorChoice): Promise<string> {
  const { mtimeMs, size, ino } = await stat(program);
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const kvm = (await kvmMissing()) ?? 'kvm';
  const faults = (await ifReadable(readFile(FAULTS, 'utf8')))?.trim() ?? '';
  const user = process.geteuid?.() ?? '';
  return [trialVersion, program, mtimeMs, size, ino, boot, kvm, accelerator, user, faults].join(' ');
}

async function readKnown(cache: string, key: string): Promise<Hypervisor | undefined> {
  let read: unknown;
  try {
    read = await readJsonIfThere(cache);
  } catch (error) {
    // A cache that is not JSON counts as missing; any other error is a fault of the host.
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (!isRecord(read) || read.key !== key || !isRecord(read.found)) return undefined;
  return asHypervisor(read.found);
}

function asHypervisor(found: Readonly<Record<string, unknown>>): Hypervisor | undefined {
  const { program, version, machineType, accelerator, acceleratorReason, sandbox, forkProblem } = found;
  if (typeof program !== 'string' || typeof version !== 'string' || typeof sandbox !== 'boolean') {
    return undefined;
  }
  if (typeof machineType !== 'string') return undefined;
  if (accelerator !== 'kvm' && accelerator !== 'tcg') return undefined;
  const reason = typeof acceleratorReason === 'string' ? { acceleratorReason } : {};
  const noForks = typeof forkProblem === 'string' ? { forkProblem } : {};
  return { program, version, machineType, accelerator, sandbox, ...noForks, ...reason };
}

async function tryOut(program: string, options: DetectOptions): Promise<Hypervisor> {
  const version = await versionOf(program);
  const sandbox = await worksSandboxed(program, options.stateDirectory);
  const forkProblem = await forkProblemOf(program, { accelerator: 'tcg', sandbox });
  const fixed = {
    ...{ program, version, machineType: await machineTypeOf(program), sandbox },
    ...(forkProblem === undefined ? {} : { forkProblem }),
  };
  if (options.accelerator === 'tcg') {
    return { ...fixed, accelerator: 'tcg', acceleratorReason: 'emulation was requested' };
  }
  const why =
    (await kvmMissing()) ??
    (await tryMachine(program, { accelerator: 'kvm', sandbox }, options.stateDirectory));
  if (why === undefined) return { ...fixed, accelerator: 'kvm' };
  const acceleratorReason = `KVM does not run a guest here: ${why}`;
  if (options.accelerator === 'kvm') throw hostErrors.acceleratorUnavailable(acceleratorReason);
  return { ...fixed, accelerator: 'tcg', acceleratorReason };
}

async function versionOf(program: string): Promise<string> {
  const { stdout, stderr } = await runProgram(program, ['--version']);
  const version = /version (\d+\.\d+(?:\.\d+)?)/.exec(stdout)?.[1];
  if (version === undefined) {
    throw hostErrors.hypervisorBroken(program, `it shows no version: ${(stderr || stdout).trim()}`);
  }
  return version;
}

/** A QEMU that names no version has one machine of this name, and checkpoints go by QEMU's version as well. */
async function machineTypeOf(program: string): Promise<string> {
  const { stdout } = await runProgram(program, ['-M', 'help']);
  const lines = stdout.split('\n').filter((line) => line.startsWith(`${MACHINE_TYPE} `));
  return /\(alias of ([\w.-]+)\)/.exec(lines[0] ?? '')?.[1] ?? MACHINE_TYPE;
}

/** Tries emulation, which works whenever QEMU does: with the sandbox, else without, if QEMU or the kernel does not support it. */
async function worksSandboxed(program: string, stateDirectory: string): Promise<boolean> {
  const why = await tryMachine(program, { accelerator: 'tcg', sandbox: true }, stateDirectory);
  if (why === undefined) return true;
  const bare = await tryMachine(program, { accelerator: 'tcg', sandbox: false }, stateDirectory);
  if (bare !== undefined) throw hostErrors.hypervisorBroken(program, bare);
  return false;
}

/** Why KVM's device cannot be used; undefined when it can. */
async function kvmMissing(): Promise<string | undefined> {
  return access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => undefined,
    (error: unknown) => `/dev/kvm cannot be used (${messageOf(error)})`,
  );
}
