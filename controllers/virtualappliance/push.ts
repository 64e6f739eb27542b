import type { DesiredAppliance } from '../../src/host/protocol.ts';
import { asking } from '../host/asking.ts';
import type { Daemon } from '../host/daemon.ts';
import { putLayer } from '../host/layers.ts';
import type { Puts } from '../host/puts.ts';
import type { HostView } from '../host/view.ts';
import type { Desired } from './desired.ts';

/**
 * Tells the host what to have, layers first since the disk stands on them. Only what it was not told since its daemon
 * started, or does not have, is sent. Killed in between, the next reconcile sends the rest.
 */
export async function push(
  client: Daemon,
  view: HostView,
  puts: Puts,
  { layers, appliance }: Desired,
  signal: AbortSignal,
): Promise<void> {
  const daemonStart = view.status?.startedAt ?? '';
  for (const layer of layers) await putLayer(client, view, puts, layer, signal);
  const what = `appliance/${appliance.uuid}`;
  if (hasIt(view, appliance) && puts.wasPut(view.name, daemonStart, what, appliance)) return;
  const send = () => asking(client.putAppliance(appliance, { signal }));
  await puts.put(view.name, daemonStart, what, appliance, send);
}

function hasIt(view: HostView, { uuid, generation }: DesiredAppliance): boolean {
  const report = view.appliances.get(uuid);
  return report !== undefined && report.generation >= generation;
}
