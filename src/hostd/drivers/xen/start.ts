import { access } from 'node:fs/promises';
import { instant, sleep } from '../../../base/clock.ts';
import { codeOf, type HostError, hostErrors } from '../../errors/index.ts';
import { writeDurably } from '../../files/durable-files.ts';
import { tryFileLock } from '../../files/file-lock.ts';
import type { VmSpec } from '../vm.ts';
import { domainConfiguration, domainTypeOf } from './configuration.ts';
import type { XenContext } from './context.ts';
import {
  type DomainRecord,
  readDomainRecord,
  removeInterruptedSave,
  writeDomainRecord,
} from './domain/domain-record.ts';
import { isOwn } from './domain/domains.ts';
import { endDomain } from './end.ts';
import { hasHardwareVms } from './host.ts';
import { reconnectVif } from './vif.ts';
import {
  errorsIn,
  hypervisorProblem,
  isOutOfMemory,
  isTimeout,
  mayBeBackendTimeout,
  takenName,
} from './xl/classify.ts';
import { configurationPath, endCommands, runCommand, untilNoCreation } from './xl/commands.ts';
import { bootLoaderOutput, deviceModelOutput } from './xl/device-model.ts';
import { type Domain, isUnfinished } from './xl/parse.ts';

/** How often one start repeats a creation that ran into libxl's time-outs. After that the daemon's own, slower, back-off applies. */
const tries = 3;
const pauseMs = 1_000;
const lockPollMs = 100;

/** See {@link Driver.start}. What already exists of the VM decides what is done. */
export async function startVm(context: XenContext, vm: VmSpec, signal?: AbortSignal): Promise<void> {
  await make(context, vm, ['create', '-e', configurationPath(vm.directory)], signal);
}

/** As `startVm`, but the VM continues from a memory checkpoint instead of booting. */
export async function restoreVm(
  context: XenContext,
  vm: VmSpec,
  checkpoint: string,
  signal?: AbortSignal,
): Promise<void> {
  await make(context, vm, ['restore', '-e', configurationPath(vm.directory), checkpoint], signal);
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
    const timeout = await withCreationLock(context, vm.directory, signal, async () => {
      if (await runsAlready(context, vm)) return undefined;
      signal?.throwIfAborted();
      return makeOnce(context, vm, command, signal);
    });
    if (timeout === undefined) return;
    context.onTimeout();
    context.log.warn(
      { appliance: vm.uuid, failures, output: timeout },
      'libxl timed out while it made the domain; what it had made was removed',
    );
    if (failures === tries) {
      // xl does not say whether a back end is slow or broken: after this many tries, it is broken.
      if (mayBeBackendTimeout(timeout)) throw await failure(context, vm, timeout);
      throw hostErrors.creationTimedOut(vm.domain, tries, timeout);
    }
    await sleep(context.clock, pauseMs * failures, signal);
  }
}

/**
 * Makes one domain at a time on a host, as Xen requires. The lock covers all daemons of the host; the search for running xl
 * commands covers daemons that died, because an xl outlives its daemon.
 */
async function withCreationLock<T>(
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
    await sleep(clock, lockPollMs, signal);
  }
}

/**
 * Whether the VM's domain runs, after a paused one was unpaused. Removes a domain that will never run. Rejects when another domain
 * has the VM's uuid or name.
 */
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
  await recordFoundRunning(context, vm);
  return true;
}

function refuseTakenName(domains: readonly Domain[], vm: VmSpec): void {
  const other = domains.find(({ name }) => name === vm.domain);
  if (other !== undefined) throw hostErrors.domainNameTaken(vm.domain, other);
}

/** Undefined when the VM runs; xl's output when it timed out, and then nothing of the domain is left. */
async function makeOnce(
  context: XenContext,
  vm: VmSpec,
  command: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const { clock, bootTime, toolstack, sockets } = context;
  const program = await toolstack.program();
  await requirePrerequisites(context, vm);
  const surroundings = { sockets: sockets.paths(vm.uuid), grub: context.grub };
  await writeDurably(configurationPath(vm.directory), domainConfiguration(vm, surroundings));
  const consoleUnplugged = command[0] === 'restore';
  const record: DomainRecord = { ...identityOf(vm), commandLine: [program, ...command], consoleUnplugged };
  await writeDomainRecord(vm.directory, record);
  await sockets.prepare(vm.uuid);
  const { exitCode, output } = await runCommand(context, command, vm.directory, signal);
  if (exitCode === 0) {
    await writeDomainRecord(vm.directory, {
      ...record,
      startedAt: instant(clock.now()),
      started: bootTime(),
    });
    return undefined;
  }
  await removeRemains(context, vm);
  if (isTimeout(output) || mayBeBackendTimeout(output)) return errorsIn(output);
  throw await failure(context, vm, errorsIn(output));
}

/** Removes what a failed or killed xl left of the domain: a half-made domain holds memory, the name and the disk. */
async function removeRemains(context: XenContext, vm: VmSpec): Promise<void> {
  await endCommands(context.clock, vm.directory);
  const left = (await context.toolstack.domains()).find(({ uuid }) => uuid === vm.uuid);
  if (left !== undefined) await endDomain(context, left);
}

async function failure({ toolstack }: XenContext, vm: VmSpec, output: string): Promise<HostError> {
  if (takenName(output) === vm.domain) {
    const other = (await toolstack.domains()).find(({ name }) => name === vm.domain);
    if (other !== undefined) return hostErrors.domainNameTaken(vm.domain, other);
  }
  if (isOutOfMemory(output)) return hostErrors.notEnoughMemory(vm.domain, output);
  const details = (await deviceModelOutput(vm.domain, output)) + (await bootLoaderOutput(output));
  return hypervisorProblem(output) ?? hostErrors.vmStartFailed(vm.domain, output + details);
}

/** Rejects when something is missing without which the domain cannot be made, before anything is made. */
async function requirePrerequisites({ toolstack, grub }: XenContext, vm: VmSpec): Promise<void> {
  const type = domainTypeOf(vm);
  if (type === 'HVM' && vm.boot.kind === 'firmware' && vm.boot.firmware === 'uefi')
    throw hostErrors.noUefiUnderXen(vm.domain);
  if (type !== 'HVM' && vm.cd !== undefined) throw hostErrors.noCdDriveUnderXen(vm.domain, type);
  if (type !== 'PV') {
    const info = await toolstack.info();
    if (!hasHardwareVms(info)) throw hostErrors.domainTypeUnsupported(vm.domain, type, info.capabilities);
  }
  if (vm.boot.kind === 'direct' || type === 'HVM' || vm.xen?.bootLoader === 'PyGrub') return;
  await access(grub[type]).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? hostErrors.bootLoaderMissing(grub[type]) : error;
  });
}

/** Completes the record of a domain that was found running: a recorded start time is kept, a missing one is read from Xen. */
async function recordFoundRunning({ clock, toolstack }: XenContext, vm: VmSpec): Promise<void> {
  const record = await readDomainRecord(vm.directory);
  if (record?.uuid === vm.uuid && record.startedAt !== undefined && record.ended === undefined) return;
  const seconds = Number.parseFloat((await toolstack.xenstore(`/vm/${vm.uuid}/start_time`)) ?? '');
  const startedAt = instant(Number.isFinite(seconds) ? seconds * 1000 : clock.now());
  const { commandLine = [], consoleUnplugged = false } = record ?? {};
  await writeDomainRecord(vm.directory, { ...identityOf(vm), commandLine, startedAt, consoleUnplugged });
}

function identityOf({ uuid, domain, network }: VmSpec): Pick<DomainRecord, 'uuid' | 'domain' | 'bridge'> {
  return { uuid, domain, ...(network.mode === 'bridge' ? { bridge: network.bridge } : {}) };
}
