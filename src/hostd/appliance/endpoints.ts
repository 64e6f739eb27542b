import { own } from '../../base/own.ts';
import type { DesiredAppliance, Endpoint } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import { FORWARD_ADDRESS, type PortMap } from '../ports/ports.ts';

/**
 * The address and port at which the host and the service's users reach a port of the guest: at the VM's own address, or at a
 * forwarded port of the host. Throws `PortNotForwarded`.
 */
export function reachableAt(
  { network }: DesiredAppliance,
  ports: PortMap,
  guestPort: number,
): { readonly address: string; readonly port: number } {
  if (network.mode === 'bridge') return { address: network.address, port: guestPort };
  const request = network.ports.find((each) => each.guestPort === guestPort);
  const port = request === undefined ? undefined : own(ports, request.name);
  if (port === undefined) throw hostErrors.portNotForwarded(guestPort);
  return { address: FORWARD_ADDRESS, port };
}

/** All endpoints that are known by now. */
export function endpointsOf({ network }: DesiredAppliance, ports: PortMap): readonly Endpoint[] {
  if (network.mode === 'bridge') {
    const { address } = network;
    return network.ports.map(({ name, guestPort }) => ({ name, address, port: guestPort, guestPort }));
  }
  return network.ports.flatMap(({ name, guestPort }) => {
    const port = own(ports, name);
    return port === undefined ? [] : [{ name, address: FORWARD_ADDRESS, port, guestPort }];
  });
}
