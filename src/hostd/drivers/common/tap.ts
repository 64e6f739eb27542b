import { createHash } from 'node:crypto';
import { type HostError, hostErrors, toHostError } from '../../errors/index.ts';
import { requireBridge } from '../../network/bridge.ts';
import type { HostNetwork, Link } from '../../network/links.ts';

/** Linux allows fifteen characters. */
const DIGITS = 11;

/** A VM's interface on a bridge, as its VmSpec tells of it. */
type OnBridge = { readonly mac: string; readonly bridge: string };

/** The host's end of a VM's interface: always the same for a VM, so that it is found again whoever dies when. */
export function tapNameOf(uuid: string): string {
  return `cop-${createHash('sha256').update(uuid).digest('hex').slice(0, DIGITS)}`;
}

/**
 * Makes the VM's tap, persistent, a port of the bridge; whatever of it is there already is gone on from. `owner` is
 * whose it is to take away when nobody knows the VM any more. Rejects as {@link requireBridge} does, or with
 * `InterfaceTaken` when an interface of that name is not this VM's.
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
  // A bridge takes the lowest of its ports' addresses for its own: none of ours shall be that.
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

/** Connects the tap of a VM that runs to its bridge again; rejects when that cannot be, with why. */
export async function reconnectTap(
  network: HostNetwork,
  uuid: string,
  wish: OnBridge,
  owner: string,
): Promise<void> {
  if ((await connectionProblem(network, uuid, wish.bridge)) === undefined) return;
  await requireBridge(network, wish.bridge);
  if ((await ownTap(network, uuid)) === undefined) throw hostErrors.interfaceLost(tapNameOf(uuid));
  await ensureTap(network, uuid, wish, owner);
}

/** Why frames of the VM do not reach the bridge; undefined when they do. */
export async function connectionProblem(
  network: HostNetwork,
  uuid: string,
  bridge: string,
): Promise<HostError | undefined> {
  try {
    if (isConnected(await network.recentLinks(), uuid, bridge)) return undefined;
    // What was just made may not be in an older picture.
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

/** Takes the VM's tap away; what is not the VM's is left alone. Not found: done. */
export async function removeTap(network: HostNetwork, uuid: string): Promise<void> {
  const link = await network.link(tapNameOf(uuid));
  if (link === undefined || !isOf(link, uuid)) return;
  await removeLink(network, link.name);
}

/**
 * Takes the taps away that this `owner` made for VMs that are none of `uuids`, and that no program is connected to.
 * Returns their names.
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

/** Gone in between is gone. */
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

/** A tap of this name without an inscription is one that a crash left between the two. */
function isOf({ kind, type, alias }: Link, uuid: string): boolean {
  if (kind !== 'tun' || type !== 'tap') return false;
  return alias === undefined || alias.startsWith(aliasOf(uuid, ''));
}

function aliasOf(uuid: string, owner: string): string {
  return `coppice:${uuid}:${owner}`;
}

/** The uuid of the VM that the owner made this tap for; undefined when that is not beyond doubt. */
function uuidIn({ name, kind, type, alias = '' }: Link, owner: string): string | undefined {
  const [, uuid = '', whose] = alias.split(':');
  const isTap = kind === 'tun' && type === 'tap' && name === tapNameOf(uuid);
  return isTap && whose === owner && alias === aliasOf(uuid, owner) ? uuid : undefined;
}
