import type { Layer } from '../objects/template-layers.ts';
import type { Daemon } from './daemon.ts';
import { asking } from './daemon-errors.ts';
import type { Puts } from './put-ledger.ts';
import type { HostView } from './view.ts';

/** Lets a host hold a layer, unless it was told so since its daemon started and has it. */
export async function putLayer(
  client: Daemon,
  view: HostView,
  puts: Puts,
  [sha256, desired]: Layer,
  signal: AbortSignal,
): Promise<void> {
  const daemonStart = view.status?.startedAt ?? '';
  const what = `layer/${desired.template}/${sha256}`;
  if (view.layers.has(sha256) && puts.wasPut(view.name, daemonStart, what, desired)) return;
  const send = () => asking(client.putLayer(sha256, desired, { signal }));
  await puts.put(view.name, daemonStart, what, desired, send);
}
