import { orAborted } from '../../../base/abort.ts';
import { sleep } from '../../../base/clock.ts';
import { hostErrors } from '../../errors/index.ts';
import type { GuestInterface } from '../../guest/guest.ts';
import {
  ADDRESS_TAKEN,
  type BridgedNetwork,
  type GuestNetwork,
  parseNetwork,
  readNetworkArgv,
  setNetworkArgv,
} from '../../guest/network.ts';
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
const LINK_LOCAL = /^fe[89ab]/i;

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
    const { actual, own } = await askGuest(scope, network, signal);
    if (missingIn(network, actual, own).length === 0) return true;
    if (clock.monotonic() >= deadline) return false;
    await sleep(clock, pace.pollMs, signal);
  }
}

/** Keeps what users added to a guest after it was configured in this boot, such as a second address or a resolver. */
async function isConfigured(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<boolean> {
  if (!(await isOnBridge(scope))) return false;
  const { bootId, network: recorded } = await readInstalled(scope, signal);
  if (recorded !== networkDigest(network, bootId)) return false;
  const { actual, own } = await askGuest(scope, network, signal);
  return missingIn(network, actual, own).length === 0;
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
    const { actual, own } = await askGuest(scope, network, signal);
    if (actual.duplicate.includes(canonicalAddress(network.address)))
      throw hostErrors.addressInUse(network.address, 'as the guest found out');
    const faults = [...missingIn(network, actual, own), ...surplusIn(network, actual, own)];
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
  return { actual, own: addressesOf(interfaces, mac, actual.device) };
}

/** `address/prefix` of each address that is not link-local. */
function addressesOf(interfaces: readonly GuestInterface[], mac: string, device: string): readonly string[] {
  return interfaces
    .filter((each) => each.mac === mac && each.name === device)
    .flatMap(({ addresses }) => addresses)
    .filter(({ address }) => !LINK_LOCAL.test(address))
    .map(({ address, prefixLength }) => `${canonicalAddress(address)}/${prefixLength}`);
}

function missingIn(network: BridgedNetwork, actual: GuestNetwork, own: readonly string[]): readonly string[] {
  const { gateway } = network;
  const wanted = cidrOf(network);
  const has = gateway === undefined || gatewaysOf(actual).includes(canonicalAddress(gateway));
  return [
    ...(own.includes(wanted) ? [] : [`${actual.device} has ${listed(own)} and not ${wanted}`]),
    ...(actual.tentative.includes(canonicalAddress(network.address)) ? [`${wanted} is not usable yet`] : []),
    ...(has ? [] : [`its default route is ${listed(gatewaysOf(actual))} and not through ${gateway}`]),
  ];
}

/** The addresses and routes that the guest has in addition to the desired ones, from its template or from other machines. */
function surplusIn(network: BridgedNetwork, actual: GuestNetwork, own: readonly string[]): readonly string[] {
  const wanted = cidrOf(network);
  const others = own.filter((each) => each !== wanted);
  const dns = actual.dns.map(canonicalServer);
  const servers = network.dns.map(canonicalAddress);
  const gateway = network.gateway === undefined ? undefined : canonicalAddress(network.gateway);
  const otherGateways = gatewaysOf(actual).filter((each) => each !== gateway);
  return [
    ...(others.length === 0 ? [] : [`${actual.device} still has ${listed(others)}`]),
    ...(otherGateways.length === 0 ? [] : [`it has a default route through ${listed(otherGateways)}`]),
    ...(servers.length === 0 || servers.join() === dns.join() ? [] : [`its DNS servers are ${listed(dns)}`]),
  ];
}

function gatewaysOf({ defaultRoutes, device }: GuestNetwork): readonly string[] {
  return defaultRoutes.flatMap((route) =>
    route.device === device && route.via !== undefined ? [canonicalAddress(route.via)] : [],
  );
}

function cidrOf({ address, prefixLength }: BridgedNetwork): string {
  return `${canonicalAddress(address)}/${prefixLength}`;
}

/** A resolver's file may contain servers with a zone, or text that is not an address. */
function canonicalServer(text: string): string {
  try {
    return canonicalAddress(text);
  } catch {
    return text;
  }
}

function listed(items: readonly string[]): string {
  return items.length === 0 ? 'none' : items.join(' and ');
}
