import { hookRunner } from './hooks.ts';

/** Units that are no service of anybody's, or that have a part of their own. The agent's is found by its cgroup. */
const KEPT_UNITS = [
  ...['systemd-*', 'dbus*', '*getty*', 'user@*', 'user-runtime-dir@*', 'init*', 'emergency*', 'rescue*'],
  ...['qemu-guest-agent*', 'polkit*', 'cloud-*', 'ssh.service', 'sshd.service', 'dropbear.service'],
  ...['NetworkManager*', 'networking*', 'ifup@*', 'wpa_supplicant*', 'dhcpcd*', 'dhclient*'],
];

/**
 * Ends the service processes that ran when the memory was captured, and lets none start before {@link START_SERVICES}. Under systemd,
 * these are the running services; under busybox' init, all processes but the agent and what concerns the network: what init watches comes
 * back.
 */
export const STOP_SERVICES = `own_unit() {
  while IFS=: read -r _ _ group; do
    case $group in *.service) echo "\${group##*/}"; break ;; esac
  done </proc/self/cgroup
}
stop_units() {
  if [ ! -f "$work/units" ]; then
    agent=$(own_unit)
    systemctl list-units --type=service --state=running --no-legend --plain --no-pager >"$work/units.all"
    while read -r unit _; do
      case $unit in "$agent" | ${KEPT_UNITS.join(' | ')}) ;; *) echo "$unit" ;; esac
    done <"$work/units.all" >"$work/units.new"
    b mv "$work/units.new" "$work/units"
  fi
  while read -r unit; do systemctl stop "$unit" </dev/null; done <"$work/units"
}
parent_of() {
  parent=1
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
  stat=\${stat##*) ? }
  parent=\${stat%% *}
}
# This script, what started it, the agent, and what the agent runs: another attempt may wait there for this one's end.
is_kept() {
  each=$1
  while [ "$each" -gt 1 ]; do
    name=
    read -r name 2>/dev/null <"/proc/$each/comm" || :
    case " $kept $name" in *" $each "* | *' qemu-ga') return 0 ;; esac
    parent_of "$each"
    each=$parent
  done
  return 1
}
keep_ancestors() {
  kept=$$
  parent_of "$$"
  while [ "$parent" -gt 1 ]; do
    kept="$kept $parent"
    parent_of "$parent"
  done
}
# Kernel threads and zombies have an empty command line.
signal_others() {
  others=
  for folder in /proc/[0-9]*; do
    other=\${folder#/proc/}
    line= name=
    read -r line 2>/dev/null <"$folder/cmdline" || :
    read -r name 2>/dev/null <"$folder/comm" || :
    [ "$other" != 1 ] && [ -n "$line" ] || continue
    case $name in udhcpc | dhclient | dhcpcd) continue ;; esac
    if is_kept "$other"; then continue; fi
    others="$others $other"
    kill "-$1" "$other" 2>/dev/null || :
  done
  [ -n "$others" ]
}
stop_processes() {
  keep_ancestors
  kill -TSTP 1
  tries=0
  while signal_others TERM && [ "$tries" -lt 25 ]; do
    tries=$((tries + 1))
    b sleep 0.2
  done
  tries=0
  while signal_others KILL; do
    [ "$tries" -lt 25 ] || cannot "these processes do not end:$others"
    tries=$((tries + 1))
    b sleep 0.2
  done
}
stop_services() {
  [ "$on_clone" = Restart ] || return 0
  if [ -d /run/systemd/system ]; then stop_units
  elif [ ! -d /run/openrc ] && [ "$(b basename "$(b readlink -f /proc/1/exe)")" = busybox ]; then stop_processes
  else cannot "onClone: Restart needs systemd or busybox' init in the guest: use onClone: Hook, with a hook that starts the service again"
  fi
}
`;

/** Starts what was ended by {@link STOP_SERVICES}, or runs the hooks; then the clone has its identity. */
export const FINISH = `part=services
if is_itself && [ ! -f "$taking" ]; then exit 0; fi
is_taking && is_itself || cannot 'the identity that it has is not this one'
if [ "$on_clone" = Restart ]; then
  if [ -d /run/systemd/system ]; then
    while read -r unit; do systemctl start "$unit" </dev/null; done <"$work/units"
  else kill -CONT 1
  fi
fi
${hookRunner}part=end
b rm -f "$taking"
b sync
b rm -rf "$work"
`;
