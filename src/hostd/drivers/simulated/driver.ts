import { randomUUID } from 'node:crypto';
import { appendFile, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { instant } from '../../../base/clock.ts';
import { hostErrors } from '../../errors/index.ts';
import { canonicalAddress } from '../../network/request.ts';
import { millisSince } from '../common/boot-time.ts';
import { readTail } from '../common/console.ts';
import type { Driver, VmObservation } from '../driver.ts';
import type { VmSpec } from '../vm.ts';
import { type SimulatedConfig, Simulation } from './config.ts';
import { createSimulatedGuest } from './guest.ts';
import { createSimulatedImages } from './images.ts';
import { measureSimulated } from './machine.ts';
import { createSimulatedProber } from './prober.ts';
import { readVm, removeVm, type SimulatedVm, writeVm } from './vm-file.ts';

const CONSOLE = 'console.log';

/**
 * Simulates VMs as files: every step takes as long, and fails as often, as the configuration says. For work on dashboards,
 * controllers and scale tests with thousands of VMs, without real hosts. The state is in the appliances' directories, so it survives
 * the daemon as real VMs do.
 */
export function createSimulatedDriver(config: SimulatedConfig): Driver {
  const simulation = new Simulation(config);
  /** The folder of the VM that is reached at a port of this host, or at an address of its own. */
  const directories = new Map<number | string, string>();
  /** By uuid, as they were last found: a measurement reads no files. */
  const vms = new Map<string, SimulatedVm>();
  const find = async (directory: string): Promise<SimulatedVm | undefined> => {
    const vm = await readVm(directory);
    if (vm !== undefined) vms.set(vm.uuid, vm);
    for (const place of placesOf(vm)) directories.set(place, directory);
    return vm;
  };
  return {
    probe: async () => ({
      name: 'simulated',
      version: '1',
      accelerator: 'none',
      capabilities: [
        ...(simulation.creationConcurrency === 1 ? (['serialCreation'] as const) : []),
        'userNetwork',
        'bridgeNetwork',
        'uefi',
        'dataDisk',
        'scsiDisk',
        'hvmCdDrive',
        'cdDrive',
      ],
      creationConcurrency: simulation.creationConcurrency,
    }),
    start: async (vm, signal) => {
      const found = await find(vm.directory);
      if (found?.state === 'Running') return;
      if (found?.state === 'Paused') return writeVm(vm.directory, { ...found, state: 'Running' });
      await simulation.spend('start', vm.domain, signal);
      await writeVm(vm.directory, bootOf(vm, simulation));
      await appendFile(join(vm.directory, CONSOLE), `simulated VM ${vm.domain} started\n`);
      await find(vm.directory);
    },
    inspect: async (uuid, directory) => observationOf(uuid, await find(directory), simulation),
    shutdown: async (_uuid, directory, timeoutMs) => {
      const vm = await find(directory);
      if (vm?.state !== 'Running') return true;
      if (simulation.timeOf('shutdown') > timeoutMs) return false;
      await simulation.spend('shutdown', vm.domain);
      await writeVm(directory, { ...vm, state: 'Stopped' });
      return true;
    },
    destroy: async (uuid, directory) => {
      for (const place of placesOf(await find(directory))) directories.delete(place);
      vms.delete(uuid);
      await removeVm(directory);
    },
    reap: async () => undefined,
    guest: (_uuid, directory) => createSimulatedGuest(simulation, directory),
    consoleTail: async (directory, bytes) => String(await readTail([join(directory, CONSOLE)], bytes)),
    openConsole: () => Promise.reject(hostErrors.consoleUnavailable('simulated VMs have no console')),
    foreignVms: async () => [],
    measure: async () => measureSimulated(simulation, [...vms.values()]),
    images: createSimulatedImages(simulation),
    captures: {
      capture: async (_vm, disks, { signal }) => {
        for (const { path, target } of disks) {
          await simulation.spend('clone', target, signal);
          await copyFile(path, target);
        }
        return {};
      },
      abandon: async () => undefined,
    },
    prober: createSimulatedProber(simulation, (place) => directories.get(place)),
  };
}

function bootOf(vm: VmSpec, simulation: Simulation): SimulatedVm {
  return {
    uuid: vm.uuid,
    domain: vm.domain,
    state: 'Running',
    startedAt: instant(simulation.clock.now()),
    bootId: randomUUID(),
    started: simulation.bootTime(),
    agentAfterMs: simulation.timeOf('agent'),
    hostPorts: vm.network.mode === 'user' ? vm.network.forwards.map(({ hostPort }) => hostPort) : [],
    memoryBytes: vm.memoryBytes,
    mac: vm.network.mac,
  };
}

function placesOf(vm: SimulatedVm | undefined): readonly (number | string)[] {
  return [
    ...(vm?.hostPorts ?? []),
    ...(vm?.network === undefined ? [] : [canonicalAddress(vm.network.address)]),
  ];
}

function observationOf(
  uuid: string,
  vm: SimulatedVm | undefined,
  { bootTime }: Simulation,
): VmObservation | undefined {
  if (vm === undefined || vm.uuid !== uuid) return undefined;
  const { state, startedAt, domain } = vm;
  const isThere = state === 'Running' || state === 'Paused';
  return {
    uuid,
    state,
    startedAt,
    ...(isThere ? { runningForMs: millisSince(vm.started, bootTime()) } : {}),
    accelerator: 'none',
    commandLine: ['simulated', domain],
  };
}
