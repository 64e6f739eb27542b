import { readFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { CONDITION_READY } from '../../api/conditions.ts';
import { HOSTS } from '../../api/kinds.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import { own } from '../../base/own.ts';
import { tryFileLock } from '../../hostd/files/file-lock.ts';
import { isUnreachable } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import type { Credentials } from './credentials.ts';
import type { Layout } from './layout.ts';
import { findPart, logFile, logTail, type Part, SUPERVISOR, startPart, stopPart } from './processes.ts';
import type { Settings } from './settings.ts';
import { SERIES, SYSTEM_NAMESPACE } from './template.ts';

/** One local Coppice: an API server, an operator, and daemons that share this machine, each as if it were a host. */
export type Platform = {
  readonly layout: Layout;
  readonly settings: Settings;
  readonly credentials: Credentials;
  /** The program to start the parts with. */
  readonly cliMain: string;
};

const POLL_MS = 100;
const READY_TIMEOUT_MS = 2_000;
const START_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 20_000;
const MIB = 1024 * 1024;

const NAMESPACES = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
} as const;

export function apiPart({ layout, settings, credentials }: Platform): Part {
  const { server, clientCa } = credentials.api;
  const args = ['api', '--listen', `127.0.0.1:${settings.apiPort}`, '--storage', layout.apiStorage];
  args.push('--tls-cert', server.certFile, '--tls-key', server.keyFile, '--client-ca', clientCa);
  const { streams } = credentials;
  if (settings.streamsPort !== undefined) {
    args.push('--streams-url', `https://127.0.0.1:${settings.streamsPort}`, '--streams-ca', streams.ca);
    args.push('--streams-cert', streams.frontProxy.certFile, '--streams-key', streams.frontProxy.keyFile);
  }
  return { name: 'api', args };
}

export function operatorPart({ layout, settings, credentials }: Platform): Part {
  const { operator, ca } = credentials.hosts;
  const args = ['operator', '--kubeconfig', layout.kubeconfig, '--host-ca', ca];
  args.push('--host-cert', operator.certFile, '--host-key', operator.keyFile);
  const { server } = credentials.streams;
  if (settings.streamsPort !== undefined) {
    args.push('--streams-listen', `127.0.0.1:${settings.streamsPort}`);
    args.push('--streams-cert', server.certFile, '--streams-key', server.keyFile);
  }
  return { name: 'operator', args };
}

/** The daemons of this machine: each is given an equal share of its CPU and memory. */
export function hostParts({ layout, settings, credentials }: Platform): Part[] {
  const names = Object.keys(settings.hosts);
  const cpuMillis = Math.floor((cpus().length * 1000) / names.length);
  const memoryMiB = Math.floor(totalmem() / names.length / MIB);
  return names.map((name) => {
    const { certFile, keyFile } = credentials.hosts.daemon(name);
    const args = ['hostd', '--name', name, '--listen', `127.0.0.1:${own(settings.hosts, name)}`];
    args.push('--state-dir', layout.hostState(name), '--driver', settings.driver);
    // The series' folder is listed separately, because it may be a link to images elsewhere.
    args.push('--file-root', layout.guests, '--file-root', join(layout.guests, SERIES));
    if (settings.bridge !== undefined) args.push('--bridge', settings.bridge);
    args.push('--cpu', `${cpuMillis}m`, '--memory', `${memoryMiB}Mi`);
    args.push('--tls-cert', certFile, '--tls-key', keyFile, '--client-ca', credentials.hosts.ca);
    return { name, args };
  });
}

/** Starts the others again when they end. */
export function supervisorPart({ layout }: Platform): Part {
  return { name: SUPERVISOR, args: ['supervise', '--data-dir', layout.root] };
}

/** What a supervisor keeps running; the API server first, which the operator needs. */
export function supervisedParts(platform: Platform): Part[] {
  return [apiPart(platform), ...hostParts(platform), operatorPart(platform)];
}

/**
 * Starts a part unless it runs, and waits until `ready` returns true. Rejects with the end of the part's log if that takes too
 * long or the part ends. An abort ends the waiting, not the part.
 */
export async function bringUp(
  platform: Platform,
  part: Part,
  ready: () => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const { layout } = platform;
  await startPart(layout, part, platform.cliMain);
  await waitUntil(ready, signal, async () => {
    const runs = (await findPart(layout, part.name)) !== undefined;
    const tail = await logTail(layout, part.name, 3);
    const what = runs ? `is not ready after ${START_TIMEOUT_MS / 1000} s` : 'ended right after its start';
    return {
      over: !runs,
      message: `${part.name} ${what}; the end of ${logFile(layout, part.name)}:\n${tail}`,
    };
  });
}

async function waitUntil(
  ready: () => Promise<boolean>,
  signal: AbortSignal,
  explain: () => Promise<{ over: boolean; message: string }>,
): Promise<void> {
  const deadline = deadlineIn(systemClock, START_TIMEOUT_MS);
  while (!(await ready())) {
    const { over, message } = await explain();
    if (over || isOver(systemClock, deadline)) throw new Error(message);
    await sleep(systemClock, POLL_MS, signal);
  }
}

/** Whether the API server answers: it listens only when it can serve. Rejects when it answers with an error. */
export async function apiIsReady(client: KubeClient): Promise<boolean> {
  try {
    await client.getRaw('/version', { timeoutMs: READY_TIMEOUT_MS });
    return true;
  } catch (error) {
    if (isUnreachable(error)) return false;
    throw error;
  }
}

/** Whether a supervisor works on the data directory. */
export async function supervisorWorks({ supervisorLock }: Layout): Promise<boolean> {
  const lock = await tryFileLock(supervisorLock);
  await lock?.release();
  return lock === undefined;
}

/** Whether this host's daemon answers, and not another program on its port. */
export async function daemonIsReady({ settings, credentials }: Platform, hostName: string): Promise<boolean> {
  const { ca, operator } = credentials.hosts;
  const files = [ca, operator.certFile, operator.keyFile].map((file) => readFile(file, 'utf8'));
  const [authority = '', cert = '', key = ''] = await Promise.all(files);
  const url = `https://127.0.0.1:${own(settings.hosts, hostName)}`;
  const { HostApiError, HostClient } = await import('../../host/client.ts');
  const daemon = new HostClient({ url, hostName, ca: authority, cert, key, timeoutMs: READY_TIMEOUT_MS });
  try {
    await daemon.getHost();
    return true;
  } catch (error) {
    if (error instanceof HostApiError && error.status === 0) return false;
    throw error;
  } finally {
    await daemon.close();
  }
}

/** Whether the operator has seen each daemon and found it ready. */
export async function hostsAreReady(client: KubeClient, names: readonly string[]): Promise<boolean> {
  const { items } = await client.list(HOSTS);
  return names.every((name) =>
    items.some(
      (host) =>
        host.metadata.name === name &&
        host.status?.conditions?.some(
          (condition) => condition.type === CONDITION_READY && condition.status === 'True',
        ),
    ),
  );
}

/** Creates the Host objects of this machine's daemons, and the namespace for templates that all namespaces may use. */
export async function applyHosts(platform: Platform, client: KubeClient): Promise<void> {
  const apply = { fieldManager: 'coppice-cli' };
  // With a label of ours, so that the next start has nothing to write: it works on a full disk, too.
  const metadata = { name: SYSTEM_NAMESPACE, labels: { 'app.kubernetes.io/part-of': 'coppice' } };
  await client.apply(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata }, apply);
  for (const [name, port] of Object.entries(platform.settings.hosts)) {
    const host = {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: 'Host',
      metadata: { name },
      spec: { address: `https://127.0.0.1:${port}` },
    };
    await client.apply(HOSTS, host, apply);
  }
}

/**
 * Stops the supervisor, which would start the others again; then the operator, then the daemons, which it so does not see stop. VMs
 * keep running.
 */
export async function stopWorkers(layout: Layout, settings: Settings): Promise<void> {
  await stopPart(layout, SUPERVISOR, STOP_GRACE_MS);
  await stopPart(layout, 'operator', STOP_GRACE_MS);
  await Promise.all(Object.keys(settings.hosts).map((name) => stopPart(layout, name, STOP_GRACE_MS)));
}

/** Stops the API server. */
export async function stopApi(layout: Layout): Promise<void> {
  await stopPart(layout, 'api', STOP_GRACE_MS);
}
