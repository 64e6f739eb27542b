import { createHash } from 'node:crypto';
import { type HostError, hostErrors, toHostError } from '../../errors/index.ts';
import { requireBridge } from '../../network/bridge.ts';
import type { HostNetwork, Link } from '../../network/links.ts';

/** Linux allows fifteen characters. */
const DIGITS = 11;

/** A VM's interface on a bridge, from its VmSpec. */
type OnBridge = { readonly mac: string; readonly bridge: string };

/** The name of the host's end of a VM's interface. It follows from the uuid, so the tap is found again after any crash. */
export function tapNameOf(uuid: string): string {
  return `cop-${createHash('sha256').update(uuid).digest('hex').slice(0, DIGITS)}`;
}

/**
 * Makes the VM's tap: persistent, and a port of the bridge. Continues from whatever of it exists. `owner` is the daemon that may
 * remove the tap when the VM is gone. Rejects as {@link requireBridge} does, or with `InterfaceTaken` when an interface of that name
 * is not this VM's.
 */
export async function ensureTap(
  network: HostNetwork,
  uuid: string,
  { mac, bridge }: OnBridge,
  owner: string,
): Promise<void> {
  const { mtu } = await requireBridge(network, bridge);
  const name = tapNameOf(uuid);
  const found = await ownTap(network, uuid);
  if (found === undefined) await network.run('tuntap', 'add', 'dev', name, 'mode', 'tap');
  // A bridge adopts the lowest address of its ports; an address that begins with fe is never the lowest.
  const address = mac.replace(/^../, 'fe');
  const facts = [
    'address',
    address,
    'mtu',
    String(mtu),
    'addrgenmode',
    'none',
    'alias',
    aliasOf(uuid, owner),
  ];
  await network.run('link', 'set', 'dev', name, ...facts, 'master', bridge, 'up');
}

/** Connects the tap of a running VM to its bridge again, if needed. Rejects with the reason when that is impossible. */
export async function reconnectTap(
  network: HostNetwork,
  uuid: string,
  wanted: OnBridge,
  owner: string,
): Promise<void> {
  if ((await connectionProblem(network, uuid, wanted.bridge)) === undefined) return;
  await requireBridge(network, wanted.bridge);
  if ((await ownTap(network, uuid)) === undefined) throw hostErrors.interfaceLost(tapNameOf(uuid));
  await ensureTap(network, uuid, wanted, owner);
}

/** Why the VM's frames do not reach the bridge; undefined when they do. */
export async function connectionProblem(
  network: HostNetwork,
  uuid: string,
  bridge: string,
): Promise<HostError | undefined> {
  try {
    if (isConnected(await network.recentLinks(), uuid, bridge)) return undefined;
    // An interface that was just made may be missing in a list from the cache.
    if (isConnected(await network.links(), uuid, bridge)) return undefined;
    await requireBridge(network, bridge);
    const tap = await network.link(tapNameOf(uuid));
    if (tap === undefined) return hostErrors.interfaceLost(tapNameOf(uuid));
    return hostErrors.notOnBridge(tap.name, bridge);
  } catch (error) {
    return toHostError(error);
  }
}

function isConnected(links: readonly Link[], uuid: string, bridge: string): boolean {
  const tap = links.find(({ name }) => name === tapNameOf(uuid));
  const isBridge = ({ name, kind, up }: Link) => name === bridge && kind === 'bridge' && up;
  return tap?.master === bridge && tap.up && links.some(isBridge);
}

/** Removes the VM's tap. An interface of that name that is not the VM's stays. Not found: done. */
export async function removeTap(network: HostNetwork, uuid: string): Promise<void> {
  const link = await network.link(tapNameOf(uuid));
  if (link === undefined || !isOf(link, uuid)) return;
  await removeLink(network, link.name);
}

/**
 * Removes the taps that this `owner` made for VMs other than `uuids`, unless a program is connected to them. Returns their names.
 */
export async function reapTaps(
  network: HostNetwork,
  owner: string,
  uuids: ReadonlySet<string>,
): Promise<readonly string[]> {
  const stale = (await network.links()).filter((link) => {
    const uuid = uuidIn(link, owner);
    return uuid !== undefined && !uuids.has(uuid) && !link.carrier;
  });
  for (const { name } of stale) await removeLink(network, name);
  return stale.map(({ name }) => name);
}

/** An interface that disappeared meanwhile counts as removed. */
async function removeLink(network: HostNetwork, name: string): Promise<void> {
  try {
    await network.run('link', 'delete', 'dev', name);
  } catch (error) {
    if ((await network.link(name)) !== undefined) throw error;
  }
}

async function ownTap(network: HostNetwork, uuid: string): Promise<Link | undefined> {
  const link = await network.link(tapNameOf(uuid));
  if (link === undefined || isOf(link, uuid)) return link;
  throw hostErrors.interfaceTaken(link.name, link.alias ?? link.type ?? link.kind ?? 'a device');
}

/** A tap of this name without an alias was left by a crash between the two commands that make it. */
function isOf({ kind, type, alias }: Link, uuid: string): boolean {
  if (kind !== 'tun' || type !== 'tap') return false;
  return alias === undefined || alias.startsWith(aliasOf(uuid, ''));
}

function aliasOf(uuid: string, owner: string): string {
  return `coppice:${uuid}:${owner}`;
}

/** The uuid of the VM that this owner made the tap for; undefined when that is not certain. */
function uuidIn({ name, kind, type, alias = '' }: Link, owner: string): string | undefined {
  const [, uuid = '', whose] = alias.split(':');
  const isTap = kind === 'tun' && type === 'tap' && name === tapNameOf(uuid);
  return isTap && whose === owner && alias === aliasOf(uuid, owner) ? uuid : undefined;
}
