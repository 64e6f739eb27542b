import type { DesiredLayer, LayerStatus } from '../../src/host/protocol.ts';
import { type Layer, MOST_OTHERS } from '../objects/template-layers.ts';
import type { Daemon } from './daemon.ts';
import { callDaemon } from './daemon-errors.ts';
import type { PutLedger } from './put-ledger.ts';
import { type HostView, layerKey } from './view.ts';

/** Asks a host to have a layer from these sources, unless it has it and was asked for that since its daemon started. */
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
  if (
    isKnown(view.layers.get(layerKey({ sha256, kind })), desired) &&
    ledger.wasPut(view.name, daemonStart, what, desired)
  )
    return;
  const send = () => callDaemon(client.putLayer(sha256, desired, { signal }));
  await ledger.put(view.name, daemonStart, what, desired, send);
}

/**
 * Whether the host has the layer, and knows this template's source: another request may have taken it away, by an operator that did
 * not know of it. Of more templates than a host takes, some are always left out.
 */
function isKnown(layer: LayerStatus | undefined, { template }: DesiredLayer): boolean {
  const sources = layer?.sources;
  if (layer === undefined || sources === undefined) return layer !== undefined;
  return sources.length > MOST_OTHERS || sources.some((source) => source.template === template);
}

/** An older daemon knows one source of a layer. */
function withoutOthers({ others: _, ...own }: DesiredLayer): DesiredLayer {
  return own;
}
