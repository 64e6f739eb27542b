import { orAborted } from '../../base/abort.ts';
import { hostErrors } from '../errors/index.ts';
import type { Guest } from './guest.ts';
import { REMOVE_LEASES, RENEW_SSH_KEYS, SET_MACHINE_ID } from './machine-files.ts';
import { shellScript } from './session.ts';

/** An emulated guest takes seconds for each key, and an RSA key many. */
const TIMEOUT_MS = 600_000;

/**
 * Replaces what tells a machine from others: its id, the host keys of SSH, seeds of random numbers, and what DHCP's servers know it
 * by. What a guest does not have, it does not get. Each file is replaced by one rename, and a key is made beside before the old one goes.
 * Programs that run already keep the old machine-id until they start again; an SSH server is restarted.
 */
const RENEW = `${SET_MACHINE_ID}${RENEW_SSH_KEYS}is_shared() { :; }
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
export PATH
umask 022
set_machine_id "$(b tr -d - </proc/sys/kernel/random/uuid)"
b rm -f /var/lib/systemd/random-seed /var/lib/urandom/random-seed /var/lib/systemd/credential.secret
${REMOVE_LEASES}renew_ssh_keys
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
