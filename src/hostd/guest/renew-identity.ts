import { orAborted } from '../../base/abort.ts';
import { hostErrors } from '../errors/index.ts';
import type { Guest } from './guest.ts';
import { shellScript } from './session.ts';

/** An emulated guest takes seconds for each key, and an RSA key many. */
const TIMEOUT_MS = 600_000;

/**
 * Replaces what tells a machine from others: its id, the host keys of SSH, seeds of random numbers, and what DHCP's servers know it
 * by. What a guest does not have, it does not get. Each file is replaced by one rename, and a key is made beside before the old one goes.
 * Programs that run already keep the old machine-id until they start again; an SSH server is restarted.
 */
const RENEW = `set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export PATH
umask 022
if [ -f /etc/machine-id ]; then
  id=$(b tr -d - </proc/sys/kernel/random/uuid)
  printf '%s\\n' "$id" >/etc/machine-id.new
  b chmod 0444 /etc/machine-id.new
  b mv -f /etc/machine-id.new /etc/machine-id
  if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then
    printf '%s\\n' "$id" >/var/lib/dbus/machine-id.new
    b mv -f /var/lib/dbus/machine-id.new /var/lib/dbus/machine-id
  fi
fi
b rm -f /var/lib/systemd/random-seed /var/lib/urandom/random-seed /var/lib/systemd/credential.secret
b rm -f /var/lib/dhcp/*.lease* /var/lib/dhcpcd/*.lease* /var/lib/dhclient/*.lease* /var/lib/NetworkManager/*.lease*
renewed=
for key in /etc/ssh/ssh_host_*_key; do
  [ -f "$key" ] || continue
  type=\${key#/etc/ssh/ssh_host_}
  type=\${type%_key}
  if ! command -v ssh-keygen >/dev/null 2>&1; then
    b rm -f "$key" "$key.pub"
    continue
  fi
  b rm -f "$key.new" "$key.new.pub"
  ssh-keygen -q -t "$type" -N '' -f "$key.new"
  b mv -f "$key.new.pub" "$key.pub"
  b mv -f "$key.new" "$key"
  renewed=yes
done
for key in /etc/dropbear/dropbear_*_host_key; do
  [ -f "$key" ] || continue
  type=\${key#/etc/dropbear/dropbear_}
  type=\${type%_host_key}
  if ! command -v dropbearkey >/dev/null 2>&1; then
    b rm -f "$key"
    continue
  fi
  b rm -f "$key.new"
  dropbearkey -t "$type" -f "$key.new" >/dev/null
  b mv -f "$key.new" "$key"
  renewed=yes
done
if [ -n "$renewed" ]; then
  if [ -d /run/systemd/system ]; then
    for unit in ssh.service sshd.service dropbear.service; do
      systemctl try-restart "$unit" >/dev/null 2>&1 || :
    done
  elif command -v rc-service >/dev/null 2>&1; then
    for unit in sshd dropbear; do
      rc-service --ifstarted "$unit" restart >/dev/null 2>&1 || :
    done
  fi
fi
b sync
`;

/** Makes the guest another machine than the one whose disk it has; may be repeated. Rejects with `GuestCommandFailed`. */
export async function renewIdentity(guest: Guest, signal: AbortSignal): Promise<void> {
  const running = guest.exec(shellScript(RENEW, []), { timeoutMs: TIMEOUT_MS });
  const { exitCode, stdout, stderr } = await orAborted(running, signal);
  if (exitCode !== 0)
    throw hostErrors.guestCommandFailed('make the guest another machine', exitCode, stderr || stdout);
}
