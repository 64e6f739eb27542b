/**
 * A shell's function that replaces the host keys of SSH, each made beside before the old one goes. It keeps those of which `is_shared` says
 * no, and sets `renewed`. What a guest does not have, it does not get.
 */
export const RENEW_SSH_KEYS = `renewed=
renew_ssh_keys() {
  for key in /etc/ssh/ssh_host_*_key; do
    [ -f "$key" ] && is_shared "$key" || continue
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
    [ -f "$key" ] && is_shared "$key" || continue
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
}
`;

/** Gives the machine the id $1, if it has one. */
export const SET_MACHINE_ID = `set_machine_id() {
  [ -f /etc/machine-id ] || return 0
  printf '%s\\n' "$1" >/etc/machine-id.new
  b chmod 0444 /etc/machine-id.new
  b mv -f /etc/machine-id.new /etc/machine-id
  if [ -f /var/lib/dbus/machine-id ] && [ ! -L /var/lib/dbus/machine-id ]; then
    printf '%s\\n' "$1" >/var/lib/dbus/machine-id.new
    b chmod 0444 /var/lib/dbus/machine-id.new
    b mv -f /var/lib/dbus/machine-id.new /var/lib/dbus/machine-id
  fi
}
`;

/** What servers of DHCP know the machine by. */
export const REMOVE_LEASES =
  'b rm -f /var/lib/dhcp/*.lease* /var/lib/dhcpcd/*.lease* /var/lib/dhclient/*.lease* /var/lib/NetworkManager/*.lease*\n';
