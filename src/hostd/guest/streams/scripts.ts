import { shellWord } from '../../../base/shell.ts';
import type { TerminalSize } from '../../../host/streams.ts';
import { END_TREE } from '../execute.ts';
import { shellScript } from '../session.ts';

/** Bytes of one read, and reads of one segment of output: it holds at most a mebibyte, and at least one byte for each read. */
const READ_BYTES = 4096;
export const READS_PER_SEGMENT = 256;

/** How many segments a program's output is ahead of the daemon at most. */
const SEGMENTS_AHEAD = 4;

/** How often the watcher looks in the time after which it ends a program. */
const LOOKS = 12;

/**
 * Ends a program and removes its folder, what the agent still has open of it included. The process id is believed only where the
 * command line names the folder: another process may have it by now.
 */
const finish = `${END_TREE}runs() { b grep -q "$2" "/proc/$1/cmdline"; }
finish() {
  if runs "$1" "$2"; then end "$1"; fi
  for file in "$2"/*.*; do true >"$file"; done
  b rm -rf "$2"
}
`;

/**
 * Runs a program whose input and outputs are files in a folder of its own.
 *
 * Input: `in.0`, `in.1`, …; each is complete when the next exists, or `in.end`, and is removed when the program's pipe has taken it.
 * Outputs: `out.0`, … and `err.0`, …; each is complete when the next exists, and is emptied by the daemon when it was read. `dd` writes
 * at once what a read gives, and never reads what it does not write, so that the next one goes on where it ended.
 * The watcher is no child of the wrapper, so that it can end all of them, and keeps none of the pipes that the agent reads.
 */
const wrapper = `${finish}export HOME="\${HOME:-/root}"
dir=$1 input=$2 look=$3 terminal=$4
shift 4
pause() { b sleep "$1" || b sleep 1; }
store() {
  n=0
  while :; do
    while [ -s "$dir/$1.$((n - ${SEGMENTS_AHEAD}))" ]; do pause 0.05; done
    [ "$n" -lt ${SEGMENTS_AHEAD} ] || b rm -f "$dir/$1.$((n - ${SEGMENTS_AHEAD}))"
    said=$(b dd bs=${READ_BYTES} count=${READS_PER_SEGMENT} of="$dir/$1.$n" 2>&1) || break
    [ -s "$dir/$1.$n" ] || return 0
    n=$((n + 1))
  done
  # Makes room for the reason.
  true >"$dir/$1.$n"
  echo "$said" >"$dir/$1.log"
  return 1
}
feed() {
  n=0 idle=0 broken=
  while :; do
    over=
    [ ! -e "$dir/in.end" ] || over=yes
    if [ -e "$dir/in.$((n + 1))" ]; then
      [ "$broken" ] || b cat "$dir/in.$n" || broken=yes
      b rm -f "$dir/in.$n"
      n=$((n + 1)) idle=0
    elif [ "$over" ]; then
      [ "$broken" ] || b cat "$dir/in.$n"
      return
    elif [ "$idle" -lt 40 ]; then
      idle=$((idle + 1))
      pause 0.05
    else
      pause 0.25
    fi
  done
}
watch() {
  n=0
  while [ -d "$dir" ] || runs "$$" "$dir"; do
    pause "$look"
    n=$((n + 1))
    if [ -e "$dir/alive" ]; then
      b rm -f "$dir/alive"
      n=0
    elif [ "$n" -ge ${LOOKS} ]; then
      finish "$$" "$dir"
    fi
  done
}
b mkdir -p "\${dir%/*}" && b mkdir -m 700 "$dir" && b mkfifo "$dir/0" "$dir/1" "$dir/2" || exit 1
(exec </dev/null >/dev/null 2>&1; watch &)
store out <"$dir/1" >/dev/null 2>&1 &
out=$!
store err <"$dir/2" >/dev/null 2>&1 &
err=$!
feeder=
source=/dev/null
if [ "$input" = true ]; then
  source=$dir/0
  feed >"$source" 2>/dev/null &
  feeder=$!
fi
if [ "$terminal" ]; then
  (export SHELL=/bin/sh TERM=xterm; exec script -qfc "$terminal" /dev/null) <"$source" >"$dir/1" 2>"$dir/2"
  code=$?
  [ ! -s "$dir/code" ] || code=$(b cat "$dir/code")
else
  (exec "$@") <"$source" >"$dir/1" 2>"$dir/2"
  code=$?
fi
[ ! "$feeder" ] || end "$feeder" 2>/dev/null
stored=yes
wait "$out" || stored=
wait "$err" || stored=
if [ ! "$stored" ]; then
  for log in "$dir"/*.log; do b cat "$log" >&2; done
  exit 1
fi
echo "exit $code"
`;

/** What runs on the terminal. It outlives the keys that interrupt the program, to tell the exit code. */
const onTerminal = `b() { if command -v "$1" >/dev/null 2>&1; then "$@"; else /bin/busybox "$@"; fi; }
dir=$1
b stty sane rows "$2" cols "$3" 2>/dev/null
b tty >"$dir/tty"
shift 3
trap : INT QUIT
(exec "$@")
echo "$?" >"$dir/code"
`;

const resize = 'b stty -F "$(b cat "$1/tty")" rows "$2" cols "$3"';

/** Where programs with streams have their folders, and whether the guest has util-linux' `script`, which gives a terminal. */
const prepare = `case $(script --version 2>/dev/null) in *util-linux*) terminal=true ;; *) terminal=false ;; esac
for parent in /run/coppice /tmp; do
  b mkdir -p "$parent" 2>/dev/null && [ -w "$parent" ] && echo "$parent $terminal" && exit 0
done
exit 1
`;

export type Program = {
  readonly argv: readonly string[];
  /** Its folder, below the parent that `prepareScript` found. */
  readonly directory: string;
  readonly input: boolean;
  readonly terminal: TerminalSize | undefined;
  /** When the watcher ends it, if it sees no sign of life of the daemon. */
  readonly watchMs: number;
};

export function wrapperScript({ argv, directory, input, terminal, watchMs }: Program): readonly string[] {
  const look = String(watchMs / 1000 / LOOKS);
  const values = [directory, String(input), look];
  if (terminal === undefined) return shellScript(wrapper, [...values, '', ...argv]);
  const { Height, Width } = terminal;
  const words = ['/bin/sh', '-c', onTerminal, 'coppice', directory, String(Height), String(Width), ...argv];
  return shellScript(wrapper, [...values, `exec ${words.map(shellWord).join(' ')}`]);
}

export function prepareScript(): readonly string[] {
  return shellScript(prepare, []);
}

export function resizeScript(directory: string, { Height, Width }: TerminalSize): readonly string[] {
  return shellScript(resize, [directory, String(Height), String(Width)]);
}

/** Ends the wrapper with this process id, with all that it started, and removes the folder. */
export function finishScript(pid: number, directory: string): readonly string[] {
  return shellScript(`${finish}finish "$1" "$2" 2>/dev/null\nexit 0\n`, [String(pid), directory]);
}
