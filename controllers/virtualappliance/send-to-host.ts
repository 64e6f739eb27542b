import type { DesiredAppliance, DesiredPackage } from '../../src/host/protocol.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { asking } from '../daemons/daemon-errors.ts';
import { putLayer } from '../daemons/put-layer.ts';
import type { Puts } from '../daemons/put-ledger.ts';
import type { HostView } from '../daemons/view.ts';
import type { Desired } from './describe-vm.ts';
import type { LatePackage } from './find-package.ts';

/** What a host is to be told; `late` is the service's package where it is not in `appliance` already. */
export type Told = Desired & { readonly late?: LatePackage | undefined };

/**
 * Tells the host what to have, layers first since the disk stands on them. Only what it was not told since its daemon
 * started, or does not have, is sent. Killed in between, the next reconcile sends the rest.
 * @throws what `late.read` does
 */
export async function push(
  client: Daemon,
  view: HostView,
  puts: Puts,
  { layers, appliance, late }: Told,
  signal: AbortSignal,
): Promise<void> {
  const daemonStart = view.status?.startedAt ?? '';
  for (const layer of layers) await putLayer(client, view, puts, layer, signal);
  const what = `appliance/${appliance.uuid}`;
  const knows = (version: string | undefined) =>
    hasIt(view, appliance) && puts.wasPut(view.name, daemonStart, what, [appliance, version]);
  if (knows(late?.version)) return;
  const read = await late?.read(signal);
  // The cache may be behind what the host was told already.
  if (read !== undefined && knows(read.version)) return;
  const body = read === undefined ? appliance : withPackage(appliance, read.value);
  const send = () => asking(client.putAppliance(body, { signal }));
  await puts.put(view.name, daemonStart, what, [appliance, read?.version], send);
}

function withPackage(appliance: DesiredAppliance, value: DesiredPackage): DesiredAppliance {
  return { ...appliance, service: { ...appliance.service, package: value } };
}

function hasIt(view: HostView, { uuid, generation }: DesiredAppliance): boolean {
  const report = view.appliances.get(uuid);
  return report !== undefined && report.generation >= generation;
}
