import { orAborted } from '../../base/abort.ts';
import { HostError } from '../errors/index.ts';
import type { Guest } from './guest.ts';
import { shellScript } from './session.ts';

/** For large disks of slow hosts. A guest that is stopped in it continues from what it has. */
const TIMEOUT_MS = 600_000;
/** A guest may say anything: this much of it is passed on. */
const LONGEST_REASON = 300;
/** Sectors at the end of a disk that are not worth a change of its partition table: GPT's copy, and the rounding of its makers. */
const SPARE_SECTORS = 4096;

/**
 * $1 the mount point. Prints why the file system is not made larger, or nothing. It goes by what it finds: killed anywhere, it can be
 * run again, and what has its size already stays as it is. Nothing is moved and nothing made smaller.
 */
const GROW = `PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export PATH LC_ALL=C
cannot() { printf '%s\\n' "$*"; exit 0; }
missing=
want() { command -v "$1" >/dev/null 2>&1 || missing="\${missing:+$missing and }no $1 (package $2)"; }
# Others may be at the same work, such as cloud-init.
attempt() {
  for pause in 1 5 0; do
    said=$("$@" 2>&1 </dev/null >/dev/null) && return
    b sleep "$pause"
  done
  cannot "\${1%_to_end} failed: $(printf '%s\\n' "$said" | b tail -n 1)"
}

numbers= fs= source=
while read -r _ _ device _ point rest; do
  [ "$point" = "$1" ] || continue
  rest=\${rest#*' - '} numbers=$device
  fs=\${rest%% *} source=\${rest#* }
  source=\${source%% *}
done </proc/self/mountinfo
case $fs in
  ext2 | ext3 | ext4) want resize2fs e2fsprogs ;;
  xfs) want xfs_growfs xfsprogs ;;
  btrfs) want btrfs btrfs-progs ;;
  *) cannot "it is $fs, and ext4, xfs and btrfs are grown" ;;
esac
place=/sys/dev/block/$numbers
# The device of btrfs is none of the kernel's list.
[ -e "$place" ] || source=$(b readlink -f "$source") place=/sys/class/block/\${source##*/}
[ -e "$place" ] || cannot "its device $source is not among the guest's"
place=$(b readlink -f "$place")
device=\${place##*/}
if [ -d "$place/dm" ] || [ -d "$place/md" ]; then
  cannot "it is on $device, a logical, encrypted or RAID volume"
fi

spare=0
if [ -e "$place/partition" ]; then
  disk=\${place%/*}
  read -r number <"$place/partition"
  read -r start <"$place/start"
  read -r size <"$place/size"
  read -r total <"$disk/size"
  end=$((start + size))
  spare=$((total - end))
fi
if [ "$spare" -gt ${SPARE_SECTORS} ]; then
  for other in "$disk"/*/start; do
    read -r at <"$other"
    other=\${other%/start}
    [ "$at" -lt "$end" ] || cannot "its partition $device cannot grow, because \${other##*/} is behind it"
  done
  want sfdisk 'fdisk or util-linux'
fi
[ -z "$missing" ] || cannot "the guest has $missing"

sfdisk_to_end() { printf ',+\\n' | sfdisk --force --no-reread -N "$number" "/dev/\${disk##*/}"; }
if [ "$spare" -gt ${SPARE_SECTORS} ]; then
  attempt sfdisk_to_end
  # sfdisk may not tell the kernel of a partition in use.
  if command -v partx >/dev/null 2>&1; then partx -u --nr "$number" "/dev/\${disk##*/}" >/dev/null 2>&1; fi
  read -r now <"$place/size"
  [ "$now" -gt "$size" ] ||
    cannot "its partition $device could not be made larger while in use (the guest has no partx, or it is a logical partition)"
fi
case $fs in
  ext*) attempt resize2fs "/dev/$device" ;;
  xfs) attempt xfs_growfs -d "$1" ;;
  btrfs) attempt btrfs filesystem resize max "$1" ;;
esac
`;

/** Runs the script on the file system at `mountPoint`; for a guest, and for its tests on a host's own loop devices. */
export function growArgv(mountPoint: string): readonly string[] {
  return shellScript(GROW, [mountPoint]);
}

/**
 * Makes the guest's root file system, and the partition that it is in, as large as the disk. Resolves with why that is impossible;
 * undefined when it is as large as it can be. Rejects only when the agent itself fails.
 */
export async function growRoot(guest: Guest, signal: AbortSignal): Promise<string | undefined> {
  try {
    const running = guest.exec(growArgv('/'), { timeoutMs: TIMEOUT_MS });
    const { exitCode, stdout, stderr } = await orAborted(running, signal);
    const said = exitCode === 0 ? stdout : `it ended with exit code ${exitCode}: ${stderr}`;
    return reasonIn(said);
  } catch (error) {
    if (error instanceof HostError && error.reason === 'GuestCommandTimeout') return error.message;
    throw error;
  }
}

/** In one line, without what would move a terminal's cursor. */
function reasonIn(said: string): string | undefined {
  const line = said.replaceAll(/[^ -~]+/g, ' ').trim();
  return line === '' ? undefined : line.slice(0, LONGEST_REASON);
}
