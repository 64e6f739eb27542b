import { type HostError, hostErrors } from '../../errors/index.ts';
import { requireBridge } from '../../network/bridge.ts';
import type { HostNetwork, Link } from '../../network/links.ts';

/** The host's end of a domain's first network card, as Xen's back end names it. It exists as long as the domain. */
function vifNameOf(id: number): string {
  return `vif${id}.0`;
}

/** Why the domain's frames do not reach the bridge; undefined when they do. */
export async function connectionProblem(
  network: HostNetwork,
  id: number,
  bridge: string,
): Promise<HostError | undefined> {
  const name = vifNameOf(id);
  const vifIn = (links: readonly Link[]) => links.find((link) => link.name === name);
  const isConnected = (vif: Link | undefined) => vif?.master === bridge && vif.up;
  if (isConnected(vifIn(await network.recentLinks()))) return undefined;
  // An interface that was just made may be missing in a list from the cache.
  const vif = vifIn(await network.links());
  if (isConnected(vif)) return undefined;
  return vif === undefined ? hostErrors.interfaceLost(name) : hostErrors.notOnBridge(name, bridge);
}

/** Connects the network card of a running domain to its bridge again, for example after the bridge was deleted and created. */
export async function reconnectVif(network: HostNetwork, id: number, bridge: string): Promise<void> {
  const problem = await connectionProblem(network, id, bridge);
  if (problem === undefined) return;
  await requireBridge(network, bridge);
  if (problem.reason === 'InterfaceLost') throw problem;
  await network.run('link', 'set', 'dev', vifNameOf(id), 'master', bridge, 'up');
}
