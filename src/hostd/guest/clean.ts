import { orAborted } from '../../base/abort.ts';
import { hostErrors } from '../errors/index.ts';
import { HOOKS_FOLDER } from './clone/prelude.ts';
import type { Guest } from './guest.ts';
import { shellScript } from './session.ts';

const TIMEOUT_MS = 600_000;

/** How the script shows in the guest's process list. */
const CLEAN = 'coppice-clean';

/**
 * Removes what makes a machine one of its own, before its disk becomes a template. $@: further paths. docs/building-templates.md has
 * the list. What writes such things at the very end of a boot is stopped first. Blocks that are free by now are given back, so that what
 * was removed takes no room in the layer.
 */
const clean = `gone() {
  for path in "$@"; do
    if [ -e "$path" ] || [ -L "$path" ]; then
      b rm -rf "$path" && echo "removed $path" || failed=yes
    fi
  done
}
emptied() {
  for path in "$@"; do
    if [ -f "$path" ] && [ ! -L "$path" ]; then : >"$path" && echo "emptied $path" || failed=yes; fi
  done
}
failed=
if [ -d /run/systemd/system ]; then
  for unit in systemd-random-seed.service rsyslog.service syslog.socket systemd-journald.socket \\
    systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald.service; do
    systemctl stop "$unit" >/dev/null 2>&1 || :
  done
fi
emptied /etc/machine-id
gone /var/lib/dbus/machine-id
gone /etc/ssh/ssh_host_*
gone /var/lib/cloud /var/log/cloud-init.log /var/log/cloud-init-output.log /etc/netplan/50-cloud-init.yaml
gone /var/lib/dhcp/*.lease* /var/lib/dhcpcd/*.lease* /var/lib/dhclient/*.lease* /var/lib/NetworkManager/*.lease*
gone /var/lib/systemd/random-seed /var/lib/urandom/random-seed /var/lib/seedrng
gone /var/lib/systemd/credential.secret
for home in /root /home/*; do
  gone "$home"/.bash_history "$home"/.ash_history "$home"/.sh_history "$home"/.zsh_history "$home"/.lesshst "$home"/.viminfo
done
if [ -d /var/log ]; then
  b find /var/log -type f >/run/coppice-build.logs 2>/dev/null
  while IFS= read -r log; do
    case $log in
      /var/log/journal/* | *.gz | *.xz | *.old | *.[0-9]) gone "$log" ;;
      *) emptied "$log" ;;
    esac
  done </run/coppice-build.logs
  b rm -f /run/coppice-build.logs
fi
gone "$@"
# What a template does when its clones begin is the template's own.
if [ -d ${HOOKS_FOLDER} ]; then
  for path in /etc/coppice/* /etc/coppice/.[!.]*; do
    if [ "$path" != ${HOOKS_FOLDER} ]; then gone "$path"; fi
  done
else
  gone /etc/coppice
fi
gone /run/coppice-build
b rm -rf /tmp/* /var/tmp/* 2>/dev/null
b sync
b fstrim / >/dev/null 2>&1 || :
[ -z "$failed" ]
`;

/**
 * Makes the guest one that others may be made of; may be repeated. Resolves with what was done, a line each.
 * @param paths what is removed beside what always is
 */
export async function cleanGuest(
  guest: Guest,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const running = guest.exec(shellScript(clean, paths, CLEAN), { timeoutMs: TIMEOUT_MS });
  const { exitCode, stdout, stderr } = await orAborted(running, signal);
  if (exitCode !== 0) throw hostErrors.guestCommandFailed('clean the guest', exitCode, stderr || stdout);
  return stdout;
}
