import { orAborted } from '../../../base/abort.ts';
import { sleep } from '../../../base/clock.ts';
import { hostErrors } from '../../errors/index.ts';
import {
  ADDRESS_TAKEN,
  type BridgedNetwork,
  parseNetwork,
  readNetworkArgv,
  setNetworkArgv,
} from '../../guest/network.ts';
import { networkFaults } from '../../guest/network-faults.ts';
import { canonicalAddress } from '../../network/request.ts';
import { networkDigest, readInstalled, writeInstalled } from '../installed.ts';
import type { Step } from '../pass.ts';
import type { Scope } from '../scope.ts';
import { macFor } from './mac.ts';
import { vmSpecOf } from './machine.ts';

/** An emulated guest with systemd takes half a minute for a command when its host is busy. */
const COMMAND_MS = 120_000;
/** An IPv6 address is usable a second or two after it was set: the kernel first asks the neighbours whether they have it. */
const SETTLE_MS = 60_000;

/** The guest has its address, gateway and DNS servers, set in each boot; with user networking it configures itself. */
export function networkStep(scope: Scope): Step {
  const { network } = scope.desired;
  if (network.mode === 'user')
    return { name: 'Network', isDone: async () => true, run: async () => undefined };
  return {
    name: 'Network',
    isDone: (signal) => isConfigured(scope, network, signal),
    run: async (signal) => {
      if (!(await isOnBridge(scope))) {
        // `start` only connects a running VM again.
        await scope.host.driver.start(vmSpecOf(scope), signal);
        if (await isConfigured(scope, network, signal)) return;
      }
      if (await setsItself(scope, network, signal)) return rememberNetwork(scope, network, signal);
      await setNetwork(scope, network, signal);
      await untilConfigured(scope, network, signal);
      await rememberNetwork(scope, network, signal);
    },
  };
}

async function rememberNetwork(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<void> {
  const { bootId } = await readInstalled(scope, signal);
  await writeInstalled(scope, { network: networkDigest(network, bootId) }, signal);
}

/**
 * Whether the guest comes to its address by itself, as cloud-init told it: then nothing is set over the head of the program that
 * did. Its agent may answer before that.
 */
async function setsItself(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<boolean> {
  if (scope.desired.cloudInit === undefined) return false;
  const { clock, pace } = scope.host;
  const deadline = clock.monotonic() + SETTLE_MS;
  for (;;) {
    if ((await askGuest(scope, network, signal)).missing.length === 0) return true;
    if (clock.monotonic() >= deadline) return false;
    await sleep(clock, pace.pollMs, signal);
  }
}

/** Keeps what users added to a guest after it was configured in this boot, such as a second address or a resolver. */
async function isConfigured(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<boolean> {
  if (!(await isOnBridge(scope))) return false;
  const { bootId, network: recorded } = await readInstalled(scope, signal);
  if (recorded !== networkDigest(network, bootId)) return false;
  return (await askGuest(scope, network, signal)).missing.length === 0;
}

async function isOnBridge({ host, desired, directory }: Scope): Promise<boolean> {
  const vm = await host.driver.inspect(desired.uuid, directory.path);
  return vm?.connected !== false;
}

async function setNetwork(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<void> {
  const argv = setNetworkArgv(macFor(scope.desired), network);
  const { exitCode, stderr } = await orAborted(scope.guest.exec(argv, { timeoutMs: COMMAND_MS }), signal);
  if (exitCode === ADDRESS_TAKEN) throw hostErrors.addressInUse(network.address, stderr.trim());
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('set the network', exitCode, stderr);
}

/** Checks the guest's own report; the success of the command that configured it proves nothing. */
async function untilConfigured(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<void> {
  const { clock, pace } = scope.host;
  const deadline = clock.monotonic() + SETTLE_MS;
  for (;;) {
    const { actual, missing, surplus } = await askGuest(scope, network, signal);
    if (actual.duplicate.includes(canonicalAddress(network.address)))
      throw hostErrors.addressInUse(network.address, 'as the guest found out');
    const faults = [...missing, ...surplus];
    if (faults.length === 0) return;
    if (clock.monotonic() >= deadline)
      throw hostErrors.networkNotConfigured(network.address, faults.join(', '));
    await sleep(clock, pace.pollMs, signal);
  }
}

async function askGuest(scope: Scope, network: BridgedNetwork, signal: AbortSignal) {
  const { guest } = scope;
  const mac = macFor(scope.desired);
  const argv = readNetworkArgv(mac, network);
  const { exitCode, stdout, stderr } = await orAborted(guest.exec(argv, { timeoutMs: COMMAND_MS }), signal);
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('read the network', exitCode, stderr);
  const actual = parseNetwork(stdout);
  const interfaces = await orAborted(guest.interfaces(COMMAND_MS), signal);
  return { actual, ...networkFaults(network, mac, actual, interfaces) };
}
