import type { GuestScript } from './actions.ts';
import { RELEASES } from './releases.ts';

/**
 * Runs a program, and runs it again whenever it ends, until a signal stops the supervisor. The environment is read at every
 * start, in a subshell, so that no variable of the user's can disturb this loop. The supervisor leads a session, so that a signal
 * to its process group reaches everything that the program starts. Its output, which is the log's file, is cut at 10 MiB, as a kubelet
 * does: all writers append, so they go on at the new end. What was cut off is kept once, as `.1`, if there is room.
 */
export const SUPERVISOR = `trap 'exit 0' TERM INT
b() { if command -v "$1" >/dev/null 2>&1; then "$@"; else /bin/busybox "$@"; fi; }
log=$(b readlink "/proc/$$/fd/1")
(
  trap - TERM INT
  while b sleep 10; do
    [ -f "$log" ] && size=$(b wc -c <"$log") || continue
    if [ "$size" -gt 10485760 ]; then
      b cp "$log" "$log.1" 2>/dev/null || b rm -f "$log.1"
      : >"$log"
    fi
  done
) &
ended=0
while :; do
  (
    trap - TERM INT
    set -a
    if [ -f /etc/coppice/env ]; then . /etc/coppice/env; fi
    set +a
    exec "$@"
  ) &
  wait "$!" && status=0 || status=$?
  echo "coppice: the service ended with status $status and is started again" >&2
  ended=$((ended + 1))
  file=/run/coppice/\${0#coppice-supervise:}.ended
  echo "$ended $status" >"$file.new"
  b mv "$file.new" "$file"
  b sleep 1
done
`;

/**
 * A process id from before the guest's last boot may belong to another process now, so the command line is checked. TERM lets
 * the service finish; it is killed if it has not ended after ten seconds. Of the ways to write kill for a process group,
 * `kill -0 "-$pid"` is the one that dash, bash and busybox all understand.
 */
export const CONTROL = `run=/run/coppice
pidfile=$run/$name.pid
alive() {
  [ -f "$pidfile" ] || return 1
  pid=$(b cat "$pidfile")
  case $pid in '' | *[!0-9]*) return 1 ;; esac
  [ -r "/proc/$pid/cmdline" ] || return 1
  case $(b tr '\\000' ' ' <"/proc/$pid/cmdline") in *"coppice-supervise:$name "*) return 0 ;; esac
  return 1
}
halt() {
  kill -TERM "-$pid" 2>/dev/null || :
  waited=0
  while kill -0 "-$pid" 2>/dev/null && [ "$waited" -lt 10 ]; do
    b sleep 1
    waited=$((waited + 1))
  done
  kill -KILL "-$pid" 2>/dev/null || :
  b rm -f "$pidfile"
}
`;

/**
 * $1 service, $2 its directory, $3 its data directory, $4 SUPERVISOR, then the command. Does nothing when this command already runs
 * with this package and this environment. If the service runs with others, it is stopped first. It is over when the supervisor can be
 * recognized: a start right after it would take it for another process, and start a second one. The data directory is made only when
 * there is none: from then on it is the service's own.
 */
export const START: GuestScript = {
  title: 'start the service',
  timeoutSeconds: 60,
  text: `name=$1 directory=$2 COPPICE_DATA=$3 supervisor=$4
shift 4
holder=$directory.releases
${CONTROL}${RELEASES}PATH=\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH COPPICE_DATA
b mkdir -p "$run"
[ -d "$COPPICE_DATA" ] || b mkdir -p "$COPPICE_DATA"
wanted=$(
  printf '%s\\n' "$@"
  if [ -L "$holder/current" ]; then b readlink "$holder/current"; fi
  if [ -f /etc/coppice/env ]; then b cat /etc/coppice/env; fi
)
if alive; then
  if [ -f "$run/$name.started" ] && [ "$(b cat "$run/$name.started")" = "$wanted" ]; then
    sweep '' || :
    exit 0
  fi
  halt
fi
log=/var/log/coppice-$name.log
(: >>"$log") 2>/dev/null || log=$run/$name.log
cd "$directory" 2>/dev/null || cd /
b rm -f "$run/$name.ended"
setsid=setsid
command -v setsid >/dev/null 2>&1 || setsid='/bin/busybox setsid'
$setsid /bin/sh -c "$supervisor" "coppice-supervise:$name" "$@" </dev/null >>"$log" 2>&1 &
echo "$!" >"$pidfile.new"
b mv "$pidfile.new" "$pidfile"
waited=0
until alive || [ "$waited" -ge 100 ]; do
  b sleep 0.1 2>/dev/null || b sleep 1
  waited=$((waited + 1))
done
(umask 077 && printf '%s\\n' "$wanted" >"$run/$name.started")
sweep '' || :
`,
};

/** $1 service. */
export const STOP: GuestScript = {
  title: 'stop the service',
  timeoutSeconds: 60,
  text: `name=$1
${CONTROL}if alive; then halt; fi
`,
};
