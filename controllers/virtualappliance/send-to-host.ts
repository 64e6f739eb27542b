import type { DesiredAppliance, DesiredPackage } from '../../src/host/protocol.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import type { PutLedger } from '../daemons/put-ledger.ts';
import type { HostView } from '../daemons/view.ts';
import {
  type BuildRequest,
  found,
  type LatePackage,
  type PhaseResult,
  phaseDone,
  type Scope,
} from './scope.ts';
import { type ReadUserData, userDataReader } from './user-data.ts';

/**
 * Sends the request to the host, if the operator is connected to it; layers first, because the disk is based on them. After a crash in
 * between, the next reconcile sends the rest.
 */
export async function sendToHost(scope: Scope): Promise<PhaseResult> {
  const { context, view, ledger, signal } = scope;
  const client = view === undefined ? undefined : context.links.client(view.name);
  if (view?.link.state !== 'connected' || client === undefined) return { type: 'away' };
  const { late } = found(scope, 'servicePackage');
  const { layers, appliance } = found(scope, 'desired');
  for (const identity of layers) await context.sharing.share(identity, view, signal);
  if (scope.build !== undefined) {
    await sendBuild(client, view, ledger, { appliance, build: scope.build }, signal);
    return phaseDone;
  }
  const readUserData = userDataReader(scope.appliance, context.client);
  await send(client, view, ledger, { appliance, late, readUserData }, signal);
  return phaseDone;
}

/** An appliance, and how to read what is sent with it and not kept. */
type Sent = {
  readonly appliance: DesiredAppliance;
  readonly late?: LatePackage | undefined;
  readonly readUserData?: ReadUserData | undefined;
};

/**
 * Sends what the host does not have, or was not sent since its daemon started.
 * @throws what `late.read` and `readUserData` throw
 */
export async function send(
  client: Daemon,
  view: HostView,
  ledger: PutLedger,
  { appliance, late, readUserData }: Sent,
  signal: AbortSignal,
): Promise<void> {
  const daemonStart = view.status?.startedAt ?? '';
  const what = `appliance/${appliance.uuid}`;
  const wasSent = (version: string | undefined) =>
    hasIt(view, appliance) && ledger.wasPut(view.name, daemonStart, what, [appliance, version]);
  if (wasSent(late?.version)) return;
  const read = await late?.read(signal);
  // The cache may be older than what was sent already.
  if (read !== undefined && wasSent(read.version)) return;
  const packaged = read === undefined ? appliance : withPackage(appliance, read.value);
  const body = readUserData === undefined ? packaged : await withUserData(packaged, readUserData, signal);
  const put = () => callDaemon(client.putAppliance(body, { signal }));
  await ledger.put(view.name, daemonStart, what, [appliance, read?.version], put);
}

async function withUserData(
  appliance: DesiredAppliance,
  readUserData: ReadUserData,
  signal: AbortSignal,
): Promise<DesiredAppliance> {
  const userData = await readUserData(signal);
  const { cloudInit } = appliance;
  return cloudInit === undefined ? appliance : { ...appliance, cloudInit: { ...cloudInit, userData } };
}

/**
 * Sends what a host is to build, unless it has that: it goes on with it whatever becomes of the ConfigMaps and Secrets.
 * @throws what `build.read` throws
 */
async function sendBuild(
  client: Daemon,
  view: HostView,
  ledger: PutLedger,
  { appliance, build }: { readonly appliance: DesiredAppliance; readonly build: BuildRequest },
  signal: AbortSignal,
): Promise<void> {
  if (hasIt(view, appliance)) return;
  const body = { ...appliance, build: await build.read(signal) };
  const put = () => callDaemon(client.putAppliance(body, { signal }));
  await ledger.put(view.name, view.status?.startedAt ?? '', `appliance/${appliance.uuid}`, [appliance], put);
}

function withPackage(appliance: DesiredAppliance, value: DesiredPackage): DesiredAppliance {
  return { ...appliance, service: { ...appliance.service, package: value } };
}

function hasIt(view: HostView, { uuid, generation }: DesiredAppliance): boolean {
  const report = view.appliances.get(uuid);
  return report !== undefined && report.generation >= generation;
}
