import { createHash } from 'node:crypto';
import type { DesiredNetwork, DesiredService } from '../../host/protocol.ts';
import { type Installed, readInstalledFrom, writeInstalledTo } from '../guest/installed.ts';
import type { Scope } from './scope.ts';

/** The work already done in the guest; asks the guest once per pass. */
export async function readInstalled(scope: Scope, signal: AbortSignal): Promise<Installed> {
  scope.installed ??= await readInstalledFrom(scope.guest, signal);
  return scope.installed;
}

/** Writes into the guest what was just done there. */
export async function writeInstalled(
  scope: Scope,
  change: Partial<Installed>,
  signal: AbortSignal,
): Promise<void> {
  const installed: Installed = { ...(await readInstalled(scope, signal)), ...change };
  await writeInstalledTo(scope.guest, installed, signal);
  scope.installed = installed;
}

export function networkDigest(network: DesiredNetwork, bootId: string): string {
  return digest([network, bootId]);
}

export function configurationDigest({ parameters }: DesiredService): string {
  return digest({ env: parameters.env ?? {}, hostname: parameters.hostname ?? null });
}

/** Digest of everything that the installation depends on; environment and hostname belong to the guest's configuration. */
export function serviceDigest({ name, container, package: content, parameters }: DesiredService): string {
  const { env: _, hostname: __, probe: ___, ...rest } = parameters;
  const identity = content?.kind === 'archive' ? content.sha256 : content;
  return digest({ name, container, content: identity ?? null, parameters: rest });
}

export function startDigest(service: DesiredService, bootId: string): string {
  return digest([configurationDigest(service), serviceDigest(service), bootId]);
}

/** sha256 of the value with its keys in order, so that equal values have equal digests. */
function digest(value: unknown): string {
  return createHash('sha256').update(canonical(value)).digest('hex');
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(',')}}`;
}
