import { orAborted } from '../../../base/abort.ts';
import { sleep } from '../../../base/clock.ts';
import { hostErrors } from '../../errors/index.ts';
import type { GuestInterface } from '../../guest/guest.ts';
import {
  ADDRESS_TAKEN,
  type BridgedNetwork,
  parseNetwork,
  readNetworkArgv,
  setNetworkArgv,
  type ToldNetwork,
} from '../../guest/network.ts';
import { canonicalAddress } from '../../network/request.ts';
import { networkDigest, readInstalled, writeInstalled } from '../installed.ts';
import type { Step } from '../pass.ts';
import type { Scope } from '../scope.ts';
import { macOf, vmSpecOf } from './machine.ts';

/** An emulated guest with systemd takes half a minute for it when its host is busy. */
const COMMAND_MS = 120_000;
/** An IPv6 address is usable a second or two after it was set: neighbours are asked for it first. */
const SETTLE_MS = 60_000;
const LINK_LOCAL = /^fe[89ab]/i;

/** The guest has its address, gateway and DNS servers, set in each boot; with user networking it brings its own. */
export function networkStep(scope: Scope): Step {
  const { network } = scope.desired;
  if (network.mode === 'user')
    return { name: 'Network', isDone: async () => true, run: async () => undefined };
  return {
    name: 'Network',
    isDone: (signal) => isConfigured(scope, network, signal),
    run: async (signal) => {
      if (!(await isOnBridge(scope))) {
        // A VM that runs is only connected again by it.
        await scope.host.driver.start(vmSpecOf(scope), signal);
        if (await isConfigured(scope, network, signal)) return;
      }
      await setNetwork(scope, network, signal);
      await untilConfigured(scope, network, signal);
      const { bootId } = await readInstalled(scope, signal);
      await writeInstalled(scope, { network: networkDigest(network, bootId) }, signal);
    },
  };
}

/** What its users added to a guest that was configured in this boot (a second address, a resolver) is left to them. */
async function isConfigured(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<boolean> {
  if (!(await isOnBridge(scope))) return false;
  const { bootId, network: noted } = await readInstalled(scope, signal);
  if (noted !== networkDigest(network, bootId)) return false;
  const { told, own } = await askGuest(scope, network, signal);
  return missingIn(network, told, own).length === 0;
}

async function isOnBridge({ host, desired, directory }: Scope): Promise<boolean> {
  const vm = await host.driver.inspect(desired.uuid, directory.path);
  return vm?.connected !== false;
}

async function setNetwork(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<void> {
  const argv = setNetworkArgv(macOf(scope.desired.uuid), network);
  const { exitCode, stderr } = await orAborted(scope.guest.exec(argv, { timeoutMs: COMMAND_MS }), signal);
  if (exitCode === ADDRESS_TAKEN) throw hostErrors.addressInUse(network.address, stderr.trim());
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('set the network', exitCode, stderr);
}

/** The guest is believed, not the command that was to configure it. */
async function untilConfigured(scope: Scope, network: BridgedNetwork, signal: AbortSignal): Promise<void> {
  const { clock, pace } = scope.host;
  const deadline = clock.monotonic() + SETTLE_MS;
  for (;;) {
    const { told, own } = await askGuest(scope, network, signal);
    if (told.duplicate.includes(canonicalAddress(network.address)))
      throw hostErrors.addressInUse(network.address, 'as the guest found out');
    const faults = [...missingIn(network, told, own), ...surplusIn(network, told, own)];
    if (faults.length === 0) return;
    if (clock.monotonic() >= deadline)
      throw hostErrors.networkNotConfigured(network.address, faults.join(', '));
    await sleep(clock, pace.pollMs, signal);
  }
}

async function askGuest(scope: Scope, network: BridgedNetwork, signal: AbortSignal) {
  const { guest } = scope;
  const mac = macOf(scope.desired.uuid);
  const argv = readNetworkArgv(mac, network);
  const { exitCode, stdout, stderr } = await orAborted(guest.exec(argv, { timeoutMs: COMMAND_MS }), signal);
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('read the network', exitCode, stderr);
  const told = parseNetwork(stdout);
  const interfaces = await orAborted(guest.interfaces(COMMAND_MS), signal);
  return { told, own: addressesOf(interfaces, mac, told.device) };
}

/** `address/prefix` of each that is no link's own. */
function addressesOf(interfaces: readonly GuestInterface[], mac: string, device: string): readonly string[] {
  return interfaces
    .filter((each) => each.mac === mac && each.name === device)
    .flatMap(({ addresses }) => addresses)
    .filter(({ address }) => !LINK_LOCAL.test(address))
    .map(({ address, prefixLength }) => `${canonicalAddress(address)}/${prefixLength}`);
}

function missingIn(network: BridgedNetwork, told: ToldNetwork, own: readonly string[]): readonly string[] {
  const { gateway } = network;
  const wanted = cidrOf(network);
  const has = gateway === undefined || gatewaysOf(told).includes(canonicalAddress(gateway));
  return [
    ...(own.includes(wanted) ? [] : [`${told.device} has ${listed(own)} and not ${wanted}`]),
    ...(told.tentative.includes(canonicalAddress(network.address)) ? [`${wanted} is not usable yet`] : []),
    ...(has ? [] : [`its default route is ${listed(gatewaysOf(told))} and not through ${gateway}`]),
  ];
}

/** What it has from its template, or was told by others, beside or instead of what it should have. */
function surplusIn(network: BridgedNetwork, told: ToldNetwork, own: readonly string[]): readonly string[] {
  const wanted = cidrOf(network);
  const others = own.filter((each) => each !== wanted);
  const dns = told.dns.map(canonicalServer);
  const servers = network.dns.map(canonicalAddress);
  const gateway = network.gateway === undefined ? undefined : canonicalAddress(network.gateway);
  const otherGateways = gatewaysOf(told).filter((each) => each !== gateway);
  return [
    ...(others.length === 0 ? [] : [`${told.device} still has ${listed(others)}`]),
    ...(otherGateways.length === 0 ? [] : [`it has a default route through ${listed(otherGateways)}`]),
    ...(servers.length === 0 || servers.join() === dns.join() ? [] : [`its DNS servers are ${listed(dns)}`]),
  ];
}

function gatewaysOf({ defaultRoutes, device }: ToldNetwork): readonly string[] {
  return defaultRoutes.flatMap((route) =>
    route.device === device && route.via !== undefined ? [canonicalAddress(route.via)] : [],
  );
}

function cidrOf({ address, prefixLength }: BridgedNetwork): string {
  return `${canonicalAddress(address)}/${prefixLength}`;
}

/** A resolver's file may name servers with a zone, or not at all as addresses. */
function canonicalServer(text: string): string {
  try {
    return canonicalAddress(text);
  } catch {
    return text;
  }
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? 'none' : words.join(' and ');
}
