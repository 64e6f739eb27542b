import type { GuestScript } from './actions.ts';

/**
 * Runs a program, and runs it again whenever it ends, until a signal stops the supervisor. The environment is read at every
 * start, in a subshell, so that no variable of the user's can disturb this loop. The supervisor leads a session, so that a signal
 * to its process group reaches everything that the program starts.
 */
export const SUPERVISOR = `trap 'exit 0' TERM INT
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
  if command -v sleep >/dev/null 2>&1; then sleep 1; else /bin/busybox sleep 1; fi
done
`;

/**
 * A process id from before the guest's last boot may belong to another process now, so the command line is checked. TERM lets
 * the service finish; it is killed if it has not ended after ten seconds. Of the ways to write kill for a process group,
 * `kill -0 "-$pid"` is the one that dash, bash and busybox all understand.
 */
const CONTROL = `run=/run/coppice
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
 * $1 service, $2 its directory, $3 SUPERVISOR, then the command. Does nothing when this command already runs with this package
 * and this environment. If the service runs with others, it is stopped first.
 */
export const START: GuestScript = {
  title: 'start the service',
  timeoutSeconds: 60,
  text: `name=$1 directory=$2 supervisor=$3
shift 3
${CONTROL}PATH=\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
b mkdir -p "$run"
wanted=$(
  printf '%s\\n' "$@"
  for file in "$directory.release" /etc/coppice/env; do
    if [ -f "$file" ]; then b cat "$file"; fi
  done
)
if alive; then
  if [ -f "$run/$name.started" ] && [ "$(b cat "$run/$name.started")" = "$wanted" ]; then exit 0; fi
  halt
fi
log=/var/log/coppice-$name.log
(: >>"$log") 2>/dev/null || log=$run/$name.log
cd "$directory" 2>/dev/null || cd /
setsid=setsid
command -v setsid >/dev/null 2>&1 || setsid='/bin/busybox setsid'
$setsid /bin/sh -c "$supervisor" "coppice-supervise:$name" "$@" </dev/null >>"$log" 2>&1 &
echo "$!" >"$pidfile.new"
b mv "$pidfile.new" "$pidfile"
(umask 077 && printf '%s\\n' "$wanted" >"$run/$name.started")
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
