import type { DesiredNetwork, DesiredService } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import { otherGuest } from '../guest/identity.ts';
import { type Installed, readInstalledFrom, writeInstalledTo } from '../guest/installed.ts';
import { digest } from './digest.ts';
import { domainOf, type Scope } from './scope.ts';

/**
 * The work already done in the guest; asks the guest once per pass. Rejects with `WrongGuest` when the agent that answers is in another
 * VM, so that whatever begins with this question changes nothing there.
 */
export async function readInstalled(scope: Scope, signal: AbortSignal): Promise<Installed> {
  scope.installed ??= requireOwn(scope, await readInstalledFrom(scope.guest, signal));
  return scope.installed;
}

function requireOwn({ desired }: Scope, installed: Installed): Installed {
  const other = otherGuest(desired.uuid, installed.uuids);
  if (other !== undefined) throw hostErrors.wrongGuest(domainOf(desired), desired.uuid, other);
  return installed;
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
