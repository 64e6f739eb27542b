import type { DesiredNetwork, DesiredService } from '../../host/protocol.ts';
import { type Installed, readInstalledFrom, writeInstalledTo } from '../guest/installed.ts';
import { digest } from './digest.ts';
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

/**
 * Writes into the guest, before the first change there, that this work is not done any more: when the change is interrupted, and what
 * was there before is desired again, it is not taken for done.
 */
export async function forgetInstalled(
  scope: Scope,
  work: readonly ('configuration' | 'service' | 'started')[],
  signal: AbortSignal,
): Promise<void> {
  const installed = await readInstalled(scope, signal);
  const done = work.filter((each) => (installed[each] ?? '') !== '');
  if (done.length === 0) return;
  await writeInstalled(scope, Object.fromEntries(done.map((each) => [each, ''])), signal);
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
