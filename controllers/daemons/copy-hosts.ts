import type { Logger } from 'pino';
import type { Host, VirtualAppliance } from '../../src/api/kinds.ts';
import { inOrderOfPreference } from '../../src/domain/placement/order.ts';
import type { CopyHost } from '../../src/domain/templates/copies.ts';
import type { LayerIdentity } from '../../src/host/protocol.ts';
import { boundAppliances } from '../objects/appliance.ts';
import { mapSettingAside } from '../set-aside.ts';
import { placementHost } from './placement-host.ts';
import type { HostView, HostViews } from './view.ts';

/** A host that copies may go to. */
export interface RankedHost {
  readonly view: HostView;
  readonly group?: string;
}

/**
 * The hosts that appliances may be placed on, in placement's own order.
 * @param boundTo the appliances that are bound to a host
 */
export function hostsInOrder(
  hosts: readonly Host[],
  views: Pick<HostViews, 'get'>,
  boundTo: (host: string) => readonly VirtualAppliance[],
  log: Pick<Logger, 'error'>,
): readonly RankedHost[] {
  const known = mapSettingAside(hosts, log, (host) => {
    const { name } = host.metadata;
    return placementHost(host, views.get(name), boundAppliances(boundTo(name)));
  });
  return inOrderOfPreference(known.map(({ result }) => result)).flatMap(({ name, group }) => {
    const view = views.get(name);
    return view === undefined ? [] : [{ view, ...(group === undefined ? {} : { group }) }];
  });
}

/**
 * What these hosts have of a template's layers.
 * @param isNeeded whether the host needs them, for what the operator knows and the host may not yet
 */
export function copyHosts(
  layers: readonly LayerIdentity[],
  hosts: readonly RankedHost[],
  isNeeded: (host: string) => boolean = () => false,
): readonly CopyHost[] {
  return hosts.map(({ view, ...group }) => {
    const found = layers.map((identity) => view.layers.get(identity));
    const isWhole = found.every((layer) => layer?.state === 'Ready');
    const hasBegun = found.some((layer) => layer !== undefined);
    const isHeld = found.some((layer) => (layer?.heldBy.length ?? 0) > 0);
    return {
      name: view.name,
      ...group,
      copy: isWhole ? 'whole' : hasBegun ? 'begun' : 'none',
      isNeeded: isHeld || isNeeded(view.name),
    };
  });
}
