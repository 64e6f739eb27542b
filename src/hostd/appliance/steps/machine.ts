import { orAborted } from '../../../base/abort.ts';
import { sleep } from '../../../base/clock.ts';
import { own } from '../../../base/own.ts';
import { queued } from '../../../base/queued.ts';
import { firmwareFor } from '../../../domain/firmware.ts';
import type { VmIdentities, VmNetwork, VmSpec } from '../../drivers/vm.ts';
import { HostError, hostErrors } from '../../errors/index.ts';
import { ensureSpace } from '../../files/space.ts';
import { FORWARD_ADDRESS } from '../../ports/ports.ts';
import { readInstalled } from '../installed.ts';
import { CONSOLE_TAIL_BYTES, whyNotRunning } from '../observation.ts';
import type { Step } from '../pass.ts';
import { askProbe } from '../probe.ts';
import { domainOf, labelOf, portOwnerOf, type Scope } from '../scope.ts';
import { fetchPackage, provisionalPlanOf } from '../service.ts';
import { startVm } from './checkpoint.ts';
import { macFor } from './mac.ts';
import { ensureOwnDisks, withOwnDisks } from './own-disk.ts';
import { seedPathOf } from './seed.ts';
import { sizeOf, vcpusOf } from './size.ts';

/** By how much a first boot with cloud-init may be slower. */
const FIRST_BOOT_FACTOR = 3;

/** The VM runs. */
export function startStep(scope: Scope): Step {
  const { host, desired, directory, record } = scope;
  let waitedMs = 0;
  let note: string | undefined;
  return {
    name: 'Start',
    note: () => note,
    waitedMs: () => waitedMs,
    // The driver is not asked about a VM that was never started: that costs time on Xen. Should it run after all, it is not
    // started twice.
    isDone: async () =>
      record.current.started &&
      (await host.driver.inspect(desired.uuid, directory.path))?.state === 'Running',
    run: async (signal) => {
      await makeRoom(scope);
      await ensureOwnDisks(scope, signal);
      const askedAt = host.clock.monotonic();
      // Before the VM has the size: whoever finds it running goes by the record.
      record.update({ size: sizeOf(desired) });
      await record.saved();
      const create = () => {
        waitedMs = host.clock.monotonic() - askedAt;
        return withOwnDisks(scope, () => startVm(scope, vmSpecOf(scope), signal));
      };
      note = await queued(host.creation, create, signal);
      record.update({ started: true });
    },
  };
}

/**
 * Checks what a start needs. Without space on the disk, a VM that was paused for want of it would only stop again. Only a new VM
 * needs its ports to be free: one that runs or is paused has them, and one that crashed is ended first, because what is left of it
 * may still have them.
 */
async function makeRoom({ host, desired, directory, record }: Scope): Promise<void> {
  const { driver, ports, reserveBytes } = host;
  await ensureSpace(directory.path, `VM ${domainOf(desired)}`, 0, reserveBytes);
  const wanted = record.current.ports;
  if (Object.keys(wanted).length === 0) return;
  const found = await driver.inspect(desired.uuid, directory.path);
  if (found?.state === 'Paused' || found?.state === 'Running') return;
  if (found?.remains === true) await driver.destroy(desired.uuid, directory.path);
  try {
    await ports.verifyFree(portOwnerOf(desired), wanted);
  } catch (error) {
    // Nobody uses the ports of a VM that never ran, so it gets others, unless the request names them.
    if (error instanceof HostError && error.reason === 'PortInUse' && !record.current.started) {
      await ports.release(desired.uuid);
      record.update({ ports: {} });
    }
    throw error;
  }
}

/** The VM as its driver receives it. */
export function vmSpecOf(scope: Scope): VmSpec {
  const { desired, directory } = scope;
  const { uuid, resources, xen, disk, cd } = desired;
  return {
    uuid,
    domain: domainOf(desired),
    directory: directory.path,
    vcpus: vcpusOf(resources),
    memoryBytes: resources.memoryBytes,
    disk: { path: directory.diskPath, format: 'qcow2', layers: layersBelow(scope) },
    ...(disk.dataBytes === undefined ? {} : { dataDisk: dataDiskOf(scope) }),
    ...(disk.bus === undefined ? {} : { diskBus: disk.bus }),
    ...(cd === undefined ? {} : { cd: layerFile(scope, cd) }),
    boot: bootOf(scope),
    ...(xen === undefined ? {} : { xen }),
    ...(desired.cloudInit === undefined ? {} : { seed: seedPathOf(scope, desired.cloudInit) }),
    network: vmNetworkOf(scope),
    ...(desired.capturable === true ? { capturable: true } : {}),
    identities: identitiesOf(scope),
  };
}

/** A disk of a checkpoint stands on that of the template, which all VMs with the same key have in common. */
function identitiesOf({ host, desired }: Scope): VmIdentities {
  const { layer, disk, cd, boot, checkpoint } = desired;
  const shared = (identity: string | undefined) =>
    checkpoint === undefined || identity === undefined ? identity : host.layers.get(identity)?.parent;
  const [own, data] = [shared(layer), shared(disk.dataLayer)];
  return {
    ...(own === undefined ? {} : { disk: own }),
    ...(data === undefined ? {} : { dataDisk: data }),
    ...(cd === undefined ? {} : { cd }),
    ...(boot.kind === 'firmware' ? {} : { kernel: boot.kernel }),
    ...(boot.kind === 'firmware' || boot.initrd === undefined ? {} : { initrd: boot.initrd }),
  };
}

function layersBelow({ host, desired: { disk, layer } }: Scope): readonly string[] {
  return disk.mode === 'Clone' ? [] : host.layers.chain(layer);
}

function dataDiskOf({ host, desired, directory }: Scope): VmSpec['disk'] {
  const { dataLayer } = desired.disk;
  const layers = dataLayer === undefined ? [] : host.layers.chain(dataLayer);
  return { path: directory.dataDiskPath, format: 'qcow2', layers };
}

function bootOf(scope: Scope): VmSpec['boot'] {
  const { host, desired } = scope;
  const { boot, layer } = desired;
  if (boot.kind === 'firmware') {
    const firmware = firmwareFor(boot.firmware, host.layers.get(layer)?.firmware);
    return { kind: 'firmware', firmware };
  }
  return {
    kind: 'direct',
    kernel: layerFile(scope, boot.kernel),
    ...(boot.initrd === undefined ? {} : { initrd: layerFile(scope, boot.initrd) }),
    commandLine: boot.commandLine,
  };
}

function layerFile({ host }: Scope, identity: string): string {
  const path = host.layers.readyPath(identity);
  if (path === undefined) throw hostErrors.layerNotHere(identity);
  return path;
}

function vmNetworkOf(scope: Scope): VmNetwork {
  const { host, desired, record } = scope;
  const { network } = desired;
  const mac = macFor(scope.desired);
  if (network.mode === 'bridge') {
    if (host.bridge === undefined) throw hostErrors.noBridge(labelOf(desired));
    return { mode: 'bridge', mac, bridge: host.bridge };
  }
  const forwards = network.ports.map(({ name, guestPort }) => ({
    address: FORWARD_ADDRESS,
    hostPort: reservedPort(record.current.ports, name),
    guestPort,
  }));
  return { mode: 'user', mac, forwards };
}

function reservedPort(ports: Readonly<Record<string, number>>, name: string): number {
  const port = own(ports, name);
  if (port === undefined) throw hostErrors.internal(new Error(`port ${name} is not reserved`));
  return port;
}

/**
 * The agent answers, and is that of this VM: state VMReady. A VM whose agent stays silent too long is started again, unless its
 * service answers. The question who it is also tells what is installed, which the next steps would ask.
 */
export function agentStep(scope: Scope): Step {
  const { host, guest } = scope;
  return {
    name: 'Agent',
    isDone: async (signal) => {
      if (!(await mayAnswer(scope))) return false;
      if (!(await answers(() => guest.ping(host.pace.questionMs), signal))) return false;
      return isOwn(scope, signal);
    },
    run: async (signal) => {
      // The guest boots for seconds: the package is fetched meanwhile. If that fails, the step Package reports it.
      fetchPackage(scope, signal).catch(() => undefined);
      const deadline = host.clock.monotonic() + agentSecondsOf(scope) * 1000;
      while (!(await answers(() => guest.ping(host.pace.questionMs), signal))) {
        await ensureRunning(scope);
        if (host.clock.monotonic() >= deadline) throw await giveUp(scope, signal);
        await sleep(host.clock, host.pace.pollMs, signal);
      }
      await readInstalled(scope, signal);
      scope.record.update({ agentAnswered: true });
    },
  };
}

/** How long the agent may take; the first boot of a guest with cloud-init does all that is done once, and installs it. */
function agentSecondsOf({ desired, record }: Scope): number {
  const isFirst = desired.cloudInit !== undefined && record.current.agentAnswered !== true;
  return desired.agentTimeoutSeconds * (isFirst ? FIRST_BOOT_FACTOR : 1);
}

/** Another guest is an error of `run`, whose failures are counted: the pauses between them grow. */
async function isOwn(scope: Scope, signal: AbortSignal): Promise<boolean> {
  try {
    await readInstalled(scope, signal);
    return true;
  } catch (error) {
    if (error instanceof HostError && error.reason === 'WrongGuest') return false;
    throw error;
  }
}

/** In the first seconds after a VM's start its agent cannot answer: `run` notices its first answer sooner than a long wait would. */
async function mayAnswer({ host, desired, directory }: Scope): Promise<boolean> {
  const found = await host.driver.inspect(desired.uuid, directory.path);
  if (found?.runningForMs === undefined) return found !== undefined;
  return found.runningForMs > host.pace.questionMs;
}

async function answers(question: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await orAborted(question(), signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof HostError && error.reason === 'AgentUnavailable') return false;
    throw error;
  }
}

async function ensureRunning(scope: Scope): Promise<void> {
  const { host, desired, directory } = scope;
  const found = await host.driver.inspect(desired.uuid, directory.path);
  if (found?.state !== 'Running') throw await whyNotRunning(scope, found);
}

/** Ends the VM, unless its service answers: its agent may have been killed in the guest, and the daemon restarted. */
async function giveUp(scope: Scope, signal: AbortSignal): Promise<HostError> {
  const { host, desired, directory } = scope;
  const [domain, seconds] = [domainOf(desired), agentSecondsOf(scope)];
  if (await serves(scope, signal)) return hostErrors.agentSilent(domain, seconds);
  const console = await host.driver.consoleTail(directory.path, CONSOLE_TAIL_BYTES);
  await host.driver.destroy(desired.uuid, directory.path);
  return hostErrors.agentTimeout(domain, seconds, console, desired.cloudInit !== undefined);
}

/** Whether the service answers, as far as that can be known without the agent. */
async function serves(scope: Scope, signal: AbortSignal): Promise<boolean> {
  if (scope.desired.build !== undefined) return false;
  const { serviceProbe } = await provisionalPlanOf(scope);
  return serviceProbe.kind !== 'exec' && (await askProbe(scope, serviceProbe, signal)) === undefined;
}
