import { orAborted } from '../../base/abort.ts';
import { hostErrors } from '../errors/index.ts';
import type { Guest } from './guest.ts';
import { once } from './transfer.ts';

/** What was done in a guest, as a file on the guest's own disk says; and which boot of which guest that is. */
export type Installed = {
  /** Of the guest's boot: services do not survive one. */
  readonly bootId: string;
  /** By which the guest's kernel knows its machine; none where it cannot tell. See `identity.ts`. */
  readonly uuids: readonly string[];
  /** Digest of the network that was configured, and the boot in which it was. */
  readonly network?: string;
  /** For which machine cloud-init has done what it does once for each. */
  readonly cloudInit?: string;
  /** Uuid of the appliance for which the guest was made another machine than the one whose disk it has. */
  readonly machine?: string;
  /** Size of the disk, in bytes, that the file system was made as large as; with the boot's id when that failed in it. */
  readonly grown?: string;
  /** Digest of the configuration that was applied. */
  readonly configuration?: string;
  /** Digest of the service that was installed. */
  readonly service?: string;
  /** Digest of configuration and service, and the boot, with which the service was started. */
  readonly started?: string;
};

/** In the guest, on its own disk: the file goes wherever the disk goes. */
export const INSTALLED_PATH = '/etc/coppice/installed.json';
/** How the script shows in the guest's process list. */
export const READ_INSTALLED = 'coppice-read-installed';

/** A file in the guest of a clone, which says which machine the clone is. See {@link TELL_UUIDS}. */
export const IDENTITY_PATH = '/etc/coppice/identity';

/**
 * Prints the id of the boot and the uuids of the machine, in one line. The hypervisor's uuid of the VM comes by SMBIOS (QEMU, Xen HVM), and
 * under Xen from the hypervisor itself. Both are those of the VM whose memory it was, in a clone: while the boot of that memory lasts, what
 * the clone received as its identity is the truth. It uses shell builtins only, so that it runs in a guest that has nothing else.
 */
export const TELL_UUIDS = `read -r boot </proc/sys/kernel/random/boot_id
own= its=
if [ -r ${IDENTITY_PATH} ]; then
  while IFS='=' read -r key value; do
    case $key in uuid) own=$value ;; boot) its=$value ;; esac
  done <${IDENTITY_PATH}
fi
if [ -n "$own" ] && [ "$its" = "$boot" ]; then boot="$boot $own"
else
  for file in /sys/class/dmi/id/product_uuid /sys/hypervisor/uuid; do
    if [ -r "$file" ] && read -r uuid <"$file"; then boot="$boot $uuid"; fi
  done
fi
printf '%s\\n' "$boot"
`;

const SCRIPT = `${TELL_UUIDS}[ -f "$1" ] || exit 0
while read -r line; do printf '%s\\n' "$line"; done <"$1"`;

const TIMEOUT_MS = 20_000;

/** Asks the guest for its boot id, its uuids, and the file of installed work. */
export async function readInstalledFrom(guest: Guest, signal: AbortSignal): Promise<Installed> {
  const argv = ['/bin/sh', '-c', SCRIPT, READ_INSTALLED, INSTALLED_PATH];
  const { exitCode, stdout, stderr } = await orAborted(guest.exec(argv, { timeoutMs: TIMEOUT_MS }), signal);
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('read what is installed', exitCode, stderr);
  const [first = '', ...rest] = stdout.split('\n');
  const [bootId = '', ...uuids] = first.split(' ');
  return { ...parse(rest.join('\n')), bootId, uuids };
}

/**
 * Replaces the file. It is written straight into its place: half a file counts as none ({@link parse}), and a program
 * that renamed a finished file would take the guest longer than the whole write.
 */
export async function writeInstalledTo(
  guest: Guest,
  { bootId: _, uuids: __, ...lasting }: Installed,
  signal: AbortSignal,
): Promise<void> {
  const content = Buffer.from(`${JSON.stringify(lasting)}\n`);
  await orAborted(guest.writeFile(INSTALLED_PATH, once(content), { timeoutMs: TIMEOUT_MS }), signal);
}

/** A file that is not JSON was written by somebody else, or only by half: what it should say is then done again. */
function parse(text: string): Partial<Installed> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
