import type { ImportStatus } from '../../src/host/protocol.ts';
import { type ImportFile, MOST_OTHERS } from '../objects/template-files.ts';
import type { Daemon } from './daemon.ts';
import { callDaemon } from './daemon-errors.ts';
import type { PutLedger } from './put-ledger.ts';
import { type HostView, importId } from './view.ts';

/** Asks a host to import a file from these sources, unless it did, or was asked for that since its daemon started. */
export async function putImport(
  client: Daemon,
  view: HostView,
  ledger: PutLedger,
  { key, desired }: ImportFile,
  signal: AbortSignal,
): Promise<void> {
  const daemonStart = view.status?.startedAt ?? '';
  const what = `import/${desired.template}/${importId(key)}`;
  const isKnown = knows(view.imports.get(importId(key)), desired.template);
  if (isKnown && ledger.wasPut(view.name, daemonStart, what, desired)) return;
  const send = () => callDaemon(client.putImport(key.sha256, desired, { signal }));
  await ledger.put(view.name, daemonStart, what, desired, send);
}

/**
 * Whether the host has the import, and knows this template's source: another request may have taken it away, by an operator that did
 * not know of it. Of more templates than a host takes, some are always left out.
 */
function knows(found: ImportStatus | undefined, template: string): boolean {
  if (found === undefined) return false;
  const { sources } = found;
  return sources.length > MOST_OTHERS || sources.some((source) => source.template === template);
}
