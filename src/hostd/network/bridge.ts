import { open, readFile } from 'node:fs/promises';
import { type HostError, hostErrors, messageOf, toHostError } from '../errors/index.ts';
import type { HostNetwork, Link } from './links.ts';

/** The capability to configure network interfaces: linux/capability.h. */
const CAP_NET_ADMIN = 12n;
const TUN = '/dev/net/tun';

/** The bridge of that name. Rejects with `BridgeMissing`, `NotABridge` or `BridgeDown` when there is no such bridge, or it is down. */
export async function requireBridge(network: HostNetwork, name: string): Promise<Link> {
  const link = await network.link(name);
  if (link === undefined) throw hostErrors.bridgeMissing(name);
  if (link.kind !== 'bridge') throw hostErrors.notABridge(name, link.kind ?? 'a hardware device');
  if (!link.up) throw hostErrors.bridgeDown(name);
  return link;
}

/**
 * Why this host cannot connect VMs to the bridge; undefined when it can. `taps`: whether the driver creates the interfaces itself,
 * with the kernel's tun device.
 */
export async function bridgeProblem(
  network: HostNetwork,
  name: string,
  { taps }: { readonly taps: boolean },
): Promise<HostError | undefined> {
  try {
    await network.locate();
    if (!(await mayConfigure())) throw hostErrors.mayNotConfigure(name);
    if (taps) await requireTun();
    await requireBridge(network, name);
    return undefined;
  } catch (error) {
    return toHostError(error);
  }
}

async function mayConfigure(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return ((effective >> CAP_NET_ADMIN) & 1n) === 1n;
}

/** Opens the device, because the kernel may lack the driver although the device file exists. */
async function requireTun(): Promise<void> {
  try {
    const device = await open(TUN, 'r+');
    await device.close();
  } catch (error) {
    throw hostErrors.tunUnusable(TUN, messageOf(error));
  }
}
