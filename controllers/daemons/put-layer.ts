import type { DesiredLayer } from '../../src/host/protocol.ts';
import type { Layer } from '../objects/template-layers.ts';
import type { Daemon } from './daemon.ts';
import { callDaemon } from './daemon-errors.ts';
import type { PutLedger } from './put-ledger.ts';
import { type HostView, layerKey } from './view.ts';

/** Asks a host to have a layer, unless it has it and was asked since its daemon started. */
export async function putLayer(
  client: Daemon,
  view: HostView,
  ledger: PutLedger,
  [sha256, wanted]: Layer,
  signal: AbortSignal,
): Promise<void> {
  const daemonStart = view.status?.startedAt ?? '';
  const desired = view.status?.layerSources === true ? wanted : withoutOthers(wanted);
  const { kind } = desired;
  const what = `layer/${desired.template}/${kind}/${sha256}`;
  if (view.layers.has(layerKey({ sha256, kind })) && ledger.wasPut(view.name, daemonStart, what, desired))
    return;
  const send = () => callDaemon(client.putLayer(sha256, desired, { signal }));
  await ledger.put(view.name, daemonStart, what, desired, send);
}

/** An older daemon knows one source of a layer. */
function withoutOthers({ others: _, ...own }: DesiredLayer): DesiredLayer {
  return own;
}
