import { type CheckpointHead, readCheckpointHead } from '../../checkpoints/state-file.ts';
import type { CheckpointFiles } from '../../drivers/checkpoints.ts';
import type { VmSpec } from '../../drivers/vm.ts';
import { HostError, hostErrors } from '../../errors/index.ts';
import { takeIdentity } from '../../guest/clone/clone-identity.ts';
import type { CloneIdentity } from '../../guest/clone/types.ts';
import type { Installed } from '../../guest/installed.ts';
import { configurationDigest, readInstalled, startDigest, writeInstalled } from '../installed.ts';
import type { Step } from '../pass.ts';
import { domainOf, type Scope } from '../scope.ts';
import { macFor, machineUuidOf } from './mac.ts';

/** Set for an appliance that continues from a checkpoint. */
type Checkpoint = NonNullable<Scope['desired']['checkpoint']>;

/**
 * Starts the VM. A VM that has a checkpoint and never ran continues from the checkpoint, with its link down. If the checkpoint cannot be
 * used, the VM boots, and this resolves with the reason.
 */
export async function startVm(scope: Scope, vm: VmSpec, signal: AbortSignal): Promise<string | undefined> {
  const { host, desired, record } = scope;
  const { checkpoint } = desired;
  try {
    if (checkpoint === undefined || record.current.started) await host.driver.start(vm, signal);
    else await restore(scope, checkpoint, vm, signal);
    return undefined;
  } catch (error) {
    if (!(error instanceof HostError) || error.reason !== 'CheckpointUnusable') throw error;
    host.log.warn({ appliance: desired.uuid, err: error }, 'it boots instead');
    await host.driver.start(vm, signal);
    return error.message;
  }
}

async function restore(scope: Scope, checkpoint: Checkpoint, vm: VmSpec, signal: AbortSignal): Promise<void> {
  const { driver, layers } = scope.host;
  const { checkpoints } = driver;
  if (checkpoints?.restoreFiles === undefined)
    throw unusable(scope, checkpoint, `hosts with driver ${(await driver.probe()).name} have no checkpoints`);
  // QEMU before 8.2 must be able to write it.
  await layers.lookAgain(checkpoint.memory);
  await checkpoints.restoreFiles(vm, await filesOf(scope, checkpoint, vm), { signal });
}

async function filesOf(
  scope: Scope,
  checkpoint: Checkpoint,
  { disk, dataDisk }: VmSpec,
): Promise<CheckpointFiles> {
  const { head, stateOffset } = await headOf(scope, checkpoint);
  const memory = scope.host.layers.readyPath(checkpoint.memory);
  const [nearest, nearestData] = [disk.layers?.[0], dataDisk?.layers?.[0]];
  if (memory === undefined || nearest === undefined)
    throw unusable(scope, checkpoint, 'its memory or its disk is not here, or damaged');
  const state = layerFile(scope, checkpoint);
  const data = nearestData === undefined ? {} : { dataDisk: nearestData };
  return { memory, state, stateOffset, key: head.key, disk: nearest, ...data };
}

async function headOf(
  scope: Scope,
  checkpoint: Checkpoint,
): Promise<{ readonly head: CheckpointHead; readonly stateOffset: number }> {
  const found = await readCheckpointHead(layerFile(scope, checkpoint));
  if (found === undefined) throw unusable(scope, checkpoint, 'it is of another format');
  const { memory, disk } = found.head.layers;
  if (memory !== checkpoint.memory || disk !== scope.desired.layer)
    throw unusable(scope, checkpoint, 'memory, state and disk are not of one moment');
  return found;
}

function layerFile(scope: Scope, checkpoint: Checkpoint): string {
  const path = scope.host.layers.readyPath(checkpoint.state);
  if (path === undefined) throw unusable(scope, checkpoint, 'its state is not here, or damaged');
  return path;
}

function unusable({ desired }: Scope, { state }: Checkpoint, why: string): HostError {
  return hostErrors.checkpointUnusable(domainOf(desired), state, why);
}

/**
 * A VM that continues from a checkpoint is a machine of its own, and its link is up: not before the guest has said that it is. What was
 * installed there before stays; its service is started again, unless it runs on as the appliance wants it.
 */
export function cloneStep(scope: Scope, checkpoint: Checkpoint): Step {
  const { host, desired, directory, guest } = scope;
  const { uuid } = desired;
  return {
    name: 'Clone',
    isDone: async () => (await host.driver.inspect(uuid, directory.path))?.isTwin !== true,
    run: async (signal) => {
      const { head } = await headOf(scope, checkpoint);
      await takeIdentity(guest, identityOf(scope, checkpoint, head), { clock: host.clock, signal });
      const service = await serviceLeft(scope, checkpoint, head, signal);
      await writeInstalled(scope, { machine: uuid, network: '', ...service }, signal);
      await host.driver.checkpoints?.connect?.({ uuid, directory: directory.path });
    },
  };
}

/** What is still to be done about the service. One that runs on differs by the hostname alone, which the guest has by now. */
async function serviceLeft(
  scope: Scope,
  { onClone }: Checkpoint,
  { from: { hostname } }: CheckpointHead,
  signal: AbortSignal,
): Promise<Pick<Installed, 'configuration' | 'started'>> {
  const { service } = scope.desired;
  const had = { ...service, parameters: { ...service.parameters, hostname } };
  const { bootId, configuration, started } = await readInstalled(scope, signal);
  const runsOn =
    onClone === 'Hook' && configuration === configurationDigest(had) && started === startDigest(had, bootId);
  if (!runsOn) return { configuration: '', started: '' };
  return { configuration: configurationDigest(service), started: startDigest(service, bootId) };
}

function identityOf({ desired }: Scope, { onClone }: Checkpoint, { from }: CheckpointHead): CloneIdentity {
  const { network, service, name } = desired;
  return {
    uuid: machineUuidOf(desired),
    from,
    hostname: service.parameters.hostname ?? name,
    mac: macFor(desired),
    network: network.mode === 'user' ? { mode: 'user' } : network,
    onClone: onClone === 'Hook' ? { kind: 'Hook' } : { kind: 'Restart', stop: [], start: [] },
  };
}
