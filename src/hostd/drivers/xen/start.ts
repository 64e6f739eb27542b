import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { instant, sleep } from '../../../base/clock.ts';
import { codeOf, type HostError, hostErrors } from '../../errors/index.ts';
import { writeDurably } from '../../files/durable-files.ts';
import { tryFileLock } from '../../files/file-lock.ts';
import type { VmSpec } from '../driver.ts';
import { domainConfiguration, domainTypeOf } from './configuration.ts';
import type { XenContext } from './context.ts';
import { type Note, readNote, removeInterruptedSave, writeNote } from './domain-record.ts';
import { isOwn } from './domains.ts';
import { endDomain } from './end.ts';
import { vmFiles } from './files.ts';
import { reconnectVif } from './vif.ts';
import {
  errorsIn,
  hypervisorProblem,
  takenName,
  tellsOfBackend,
  tellsOfMemory,
  tellsOfTimeout,
} from './xl/classify.ts';
import { endCommands, runCommand, untilNoCreation } from './xl/commands.ts';
import { bootLoaderWords, deviceModelWords } from './xl/device-model.ts';
import { type Domain, isUnfinished } from './xl/parse.ts';

/** How often libxl's time-outs are borne in one start before the daemon's own, slower, repetition takes over. */
const tries = 3;
const pauseMs = 1_000;
const turnMs = 100;

/** See {@link Driver.start}: whatever of the VM is there already decides what is done. */
export async function startVm(context: XenContext, vm: VmSpec, signal?: AbortSignal): Promise<void> {
  await make(context, vm, ['create', '-e', join(vm.directory, vmFiles.configuration)], signal);
}

/** Makes the VM run on from a memory checkpoint, as `startVm` makes it boot. */
export async function restoreVm(
  context: XenContext,
  vm: VmSpec,
  checkpoint: string,
  signal?: AbortSignal,
): Promise<void> {
  await make(context, vm, ['restore', '-e', join(vm.directory, vmFiles.configuration), checkpoint], signal);
}

async function make(
  context: XenContext,
  vm: VmSpec,
  command: readonly string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const { mode } = vm.network;
  if (mode !== 'bridge') throw hostErrors.networkUnsupported(mode, 'xen');
  for (let failures = 1; ; failures += 1) {
    const words = await inCreation(context, vm.directory, signal, async () => {
      if (await runsAlready(context, vm)) return undefined;
      signal?.throwIfAborted();
      return makeOnce(context, vm, command, signal);
    });
    if (words === undefined) return;
    context.timedOut();
    context.log.warn(
      { appliance: vm.uuid, failures, words },
      'libxl ran out of its time; nothing is left of it',
    );
    if (failures === tries) {
      // Of a backend it is not told whether it is slow or fails: so often, it fails.
      if (tellsOfBackend(words)) throw await failure(context, vm, words);
      throw hostErrors.creationTimedOut(vm.domain, tries, words);
    }
    await sleep(context.clock, pauseMs * failures, signal);
  }
}

/** One creation at a time on a host, as Xen wants it, whatever daemons there are on it, or were: an xl outlives its daemon. */
async function inCreation<T>(
  { clock, creationLock }: XenContext,
  directory: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const lock = await tryFileLock(creationLock);
    if (lock !== undefined) {
      return untilNoCreation(clock, directory, signal)
        .then(work)
        .finally(() => lock.release());
    }
    await sleep(clock, turnMs, signal);
  }
}

/** Makes a domain that is there run; takes away one that never will, and sees that no other has the VM's uuid or name. */
async function runsAlready(context: XenContext, vm: VmSpec): Promise<boolean> {
  const { toolstack } = context;
  await removeInterruptedSave(vm.directory);
  const domains = await toolstack.domains();
  const domain = domains.find(({ uuid }) => uuid === vm.uuid);
  if (domain === undefined) {
    refuseTakenName(domains, vm);
    return false;
  }
  if (!(await isOwn(toolstack, domain, vm.directory))) {
    const disks = (await toolstack.disks(domain.id)).get(domain.id) ?? [];
    throw hostErrors.vmConflict(
      vm.domain,
      vm.uuid,
      `domain ${domain.id}`,
      `with the disk ${disks[0] ?? '(none)'}`,
    );
  }
  if (isUnfinished(domain) || domain.shutdown !== undefined || domain.dying) {
    await endDomain(context, domain);
    return false;
  }
  if (domain.paused) await toolstack.run(['unpause', String(domain.id)]);
  if (vm.network.mode === 'bridge') await reconnectVif(context.network, domain.id, vm.network.bridge);
  await noteFoundRunning(context, vm);
  return true;
}

function refuseTakenName(domains: readonly Domain[], vm: VmSpec): void {
  const other = domains.find(({ name }) => name === vm.domain);
  if (other !== undefined) throw hostErrors.domainNameTaken(vm.domain, other);
}

/** Undefined when the VM runs; what xl said when it ran out of its own time, and then nothing of the domain is left. */
async function makeOnce(
  context: XenContext,
  vm: VmSpec,
  command: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { clock, bootTime, toolstack, sockets } = context;
  const program = await toolstack.program();
  await requireMeans(context, vm);
  const surroundings = { sockets: sockets.paths(vm.uuid), grub: context.grub };
  await writeDurably(join(vm.directory, vmFiles.configuration), domainConfiguration(vm, surroundings));
  const parted = command[0] === 'restore';
  const note: Note = { ...identityOf(vm), commandLine: [program, ...command], parted };
  await writeNote(vm.directory, note);
  await sockets.prepare(vm.uuid);
  const { exitCode, words } = await runCommand(context, command, vm.directory, signal);
  if (exitCode === 0) {
    await writeNote(vm.directory, { ...note, startedAt: instant(clock.now()), started: bootTime() });
    return undefined;
  }
  await takeAway(context, vm);
  if (tellsOfTimeout(words) || tellsOfBackend(words)) return errorsIn(words);
  throw await failure(context, vm, errorsIn(words));
}

/** Whatever a failed or killed xl left of the domain goes: half a domain holds memory, the name and the disk. */
async function takeAway(context: XenContext, vm: VmSpec): Promise<void> {
  await endCommands(context.clock, vm.directory);
  const left = (await context.toolstack.domains()).find(({ uuid }) => uuid === vm.uuid);
  if (left !== undefined) await endDomain(context, left);
}

async function failure({ toolstack }: XenContext, vm: VmSpec, words: string): Promise<HostError> {
  if (takenName(words) === vm.domain) {
    const other = (await toolstack.domains()).find(({ name }) => name === vm.domain);
    if (other !== undefined) return hostErrors.domainNameTaken(vm.domain, other);
  }
  if (tellsOfMemory(words)) return hostErrors.notEnoughMemory(vm.domain, words);
  const said = (await deviceModelWords(vm.domain, words)) + (await bootLoaderWords(words));
  return hypervisorProblem(words) ?? hostErrors.vmStartFailed(vm.domain, words + said);
}

/** What can be seen to be missing before anything is made. */
async function requireMeans({ toolstack, grub }: XenContext, vm: VmSpec): Promise<void> {
  const type = domainTypeOf(vm);
  if (type !== 'PV') {
    const { capabilities } = await toolstack.info();
    if (!capabilities.some((each) => each.startsWith('hvm-'))) {
      throw hostErrors.domainTypeUnsupported(vm.domain, type, capabilities);
    }
  }
  if (vm.boot.kind === 'direct' || type === 'HVM' || vm.xen?.bootLoader === 'PyGrub') return;
  await access(grub[type]).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? hostErrors.bootLoaderMissing(grub[type]) : error;
  });
}

/** When it started is noted once: a domain that is found running keeps its time, and one without has it from Xen. */
async function noteFoundRunning({ clock, toolstack }: XenContext, vm: VmSpec): Promise<void> {
  const note = await readNote(vm.directory);
  if (note?.uuid === vm.uuid && note.startedAt !== undefined && note.ended === undefined) return;
  const seconds = Number.parseFloat((await toolstack.xenstore(`/vm/${vm.uuid}/start_time`)) ?? '');
  const startedAt = instant(Number.isFinite(seconds) ? seconds * 1000 : clock.now());
  const { commandLine = [], parted = false } = note ?? {};
  await writeNote(vm.directory, { ...identityOf(vm), commandLine, startedAt, parted });
}

function identityOf({ uuid, domain, network }: VmSpec): Pick<Note, 'uuid' | 'domain' | 'bridge'> {
  return { uuid, domain, ...(network.mode === 'bridge' ? { bridge: network.bridge } : {}) };
}
