import { createHash } from 'node:crypto';
import { orAborted } from '../../base/abort.ts';
import { isRecord } from '../../base/is-record.ts';
import type { DesiredNetwork, DesiredService } from '../../host/protocol.ts';
import { hostErrors } from '../errors/index.ts';
import type { Scope } from './scope.ts';

/** What was done in a guest, as the guest itself tells. */
export type Installed = {
  /** Of the guest's boot: services do not survive one. */
  readonly bootId: string;
  /** Digest of the network that was configured, and the boot in which it was. */
  readonly network?: string;
  /** Digest of the configuration that was applied. */
  readonly configuration?: string;
  /** Digest of the service that was installed. */
  readonly service?: string;
  /** Digest of configuration and service, and the boot, with which the service was started. */
  readonly started?: string;
};

/** In the guest, on its own disk: it goes wherever the disk goes. */
export const INSTALLED_PATH = '/etc/coppice/installed.json';
export const READ_INSTALLED = 'coppice-read-installed';

/** With the shell's own words only, so that it runs in a guest that has nothing else. */
const SCRIPT = `read -r boot </proc/sys/kernel/random/boot_id
printf '%s\\n' "$boot"
[ -f "$1" ] || exit 0
while read -r line; do printf '%s\\n' "$line"; done <"$1"`;

const TIMEOUT_MS = 20_000;

/** Asks the guest, once a pass. */
export async function readInstalled(scope: Scope, signal: AbortSignal): Promise<Installed> {
  scope.installed ??= await askGuest(scope, signal);
  return scope.installed;
}

async function askGuest(scope: Scope, signal: AbortSignal): Promise<Installed> {
  const argv = ['/bin/sh', '-c', SCRIPT, READ_INSTALLED, INSTALLED_PATH];
  const { exitCode, stdout, stderr } = await orAborted(
    scope.guest.exec(argv, { timeoutMs: TIMEOUT_MS }),
    signal,
  );
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('read what is installed', exitCode, stderr);
  const [bootId = '', ...rest] = stdout.split('\n');
  return { ...parse(rest.join('\n')), bootId };
}

/**
 * Notes in the guest what was just done there: straight into the file's place, as half a note is none ({@link parse}), and
 * a program that puts it there takes a guest longer than all of it.
 */
export async function writeInstalled(
  scope: Scope,
  change: Partial<Installed>,
  signal: AbortSignal,
): Promise<void> {
  const installed: Installed = { ...(await readInstalled(scope, signal)), ...change };
  const { bootId: _, ...lasting } = installed;
  const content = Buffer.from(`${JSON.stringify(lasting)}\n`);
  await orAborted(scope.guest.writeFile(INSTALLED_PATH, once(content), { timeoutMs: TIMEOUT_MS }), signal);
  scope.installed = installed;
}

export function networkDigest(network: DesiredNetwork, bootId: string): string {
  return digest([network, bootId]);
}

export function configurationDigest({ parameters }: DesiredService): string {
  return digest({ env: parameters.env ?? {}, hostname: parameters.hostname ?? null });
}

/** Of everything that the installation depends on; environment and hostname belong to the guest's configuration. */
export function serviceDigest({ name, container, package: content, parameters }: DesiredService): string {
  const { env: _, hostname: __, probe: ___, ...rest } = parameters;
  const identity = content?.kind === 'archive' ? content.sha256 : content;
  return digest({ name, container, content: identity ?? null, parameters: rest });
}

export function startDigest(service: DesiredService, bootId: string): string {
  return digest([configurationDigest(service), serviceDigest(service), bootId]);
}

/** A file that is no JSON was not written by us, or half: what it should say is then done again. */
function parse(text: string): Partial<Installed> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
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

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
