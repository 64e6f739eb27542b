import { orAborted } from '../../base/abort.ts';
import { hostErrors } from '../errors/index.ts';
import { END_TREE } from './execute.ts';
import type { Guest } from './guest.ts';
import { shellScript } from './session.ts';
import { once } from './transfer.ts';

/** In memory: a boot that ends takes everything with it, and nothing of it gets into the template. */
const PARENT = '/run/coppice-build';

const TIMEOUT_MS = 60_000;
export const NOT_STARTED = 3;

/** How these scripts show in the guest's list of processes, and to the simulated guest. */
export const START_DETACHED = 'coppice-start-detached';
export const LOOK_DETACHED = 'coppice-look-detached';

/** As much of its output as the guest keeps, about: it is in the guest's memory. */
const KEPT_BYTES = 8 * 1024 * 1024;

/**
 * Runs the script, and says how it ended. The exit code is there as soon as the script has ended, also when something that it started
 * still has its output open. What does not fit is read and dropped, so that the script goes on. The script leaves the cgroup of the
 * agent, which may be upgraded by it: systemd would end both.
 */
const runner = `b() { if command -v "$1" >/dev/null 2>&1; then "$@"; else /bin/busybox "$@"; fi; }
dir=$1
echo "$$" >"$dir/pid"
for procs in /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/systemd/cgroup.procs; do
  [ ! -w "$procs" ] || echo 0 >"$procs"
done 2>/dev/null
export HOME="\${HOME:-/root}" PATH="\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
cd "$HOME" 2>/dev/null || cd /
{
  (umask 022 && exec /bin/sh "$dir/script") </dev/null 2>&1
  echo "$?" >"$dir/code.new"
  b mv "$dir/code.new" "$dir/code"
} | {
  size=0
  while [ "$size" -lt ${KEPT_BYTES} ]; do
    # It writes at once what a read gives.
    b dd bs=4096 count=512 >>"$dir/output" 2>/dev/null || break
    now=$(b wc -c <"$dir/output")
    [ "$now" -gt "$size" ] || break
    size=$now
  done
  b cat >/dev/null
}
: >"$dir/end"
`;

/**
 * $1 the folder, $2 the script's file, $3 the runner. Whoever makes the folder starts it: a daemon that was killed in the middle has
 * started it, or has not.
 */
const start = `umask 077
if ! b mkdir "$1" 2>/dev/null; then
  [ -d "$1" ] || exit 1
  b rm -f "$2"
  exit 0
fi
read -r up rest </proc/uptime
echo "\${up%%.*}" >"$1/started"
b mv "$2" "$1/script"
setsid=setsid
command -v setsid >/dev/null 2>&1 || setsid='/bin/busybox setsid'
$setsid /bin/sh -c "$3" coppice-build-step "$1" </dev/null >/dev/null 2>&1 &
`;

/** $1 the folder. Prints how many seconds it has run, and whether it is alive. */
const look = `[ -d "$1" ] || exit ${NOT_STARTED}
started=0
if [ -f "$1/started" ]; then read -r started <"$1/started"; fi
read -r up rest </proc/uptime
state=dead
if [ -f "$1/code" ]; then state=ended
elif [ -f "$1/pid" ] && read -r pid <"$1/pid" && b grep -q "$1" "/proc/$pid/cmdline" 2>/dev/null; then state=alive
elif [ ! -f "$1/pid" ]; then state=starting
fi
echo "$((\${up%%.*} - started)) $state"
`;

/** $1 the folder. */
const stop = `${END_TREE}[ -f "$1/pid" ] || exit 0
read -r pid <"$1/pid"
if b grep -q "$1" "/proc/$pid/cmdline"; then end "$pid"; fi 2>/dev/null
exit 0
`;

/** A script that runs in a guest by itself: it goes on when the daemon dies, and another daemon finds it again. */
export class DetachedScript {
  readonly #guest: Guest;
  readonly #path: string;

  /** @param name its own in this boot of the guest. @param parent where it has its folder */
  constructor(guest: Guest, name: string, parent: string = PARENT) {
    this.#guest = guest;
    this.#path = `${parent}/${name}`;
  }

  /** Starts it, unless it was started in this boot of the guest. @param attempt names the file that is written for it */
  async startOnce(script: string, attempt: string, signal: AbortSignal): Promise<void> {
    const file = `${this.#path}.${attempt}`;
    const content = Buffer.from(script);
    await orAborted(this.#guest.writeFile(file, once(content), { timeoutMs: TIMEOUT_MS }), signal);
    await this.#run('start a step', shellScript(start, [this.#path, file, runner], START_DETACHED), signal);
  }

  /** Undefined when it was not started in this boot of the guest. `dead`: it ended, and nobody knows how. */
  async look(
    signal: AbortSignal,
  ): Promise<{ readonly seconds: number; readonly state: 'alive' | 'ended' | 'dead' } | undefined> {
    const argv = shellScript(look, [this.#path], LOOK_DETACHED);
    const { exitCode, stdout, stderr } = await orAborted(
      this.#guest.exec(argv, { timeoutMs: TIMEOUT_MS }),
      signal,
    );
    if (exitCode === NOT_STARTED) return undefined;
    if (exitCode !== 0) throw hostErrors.guestCommandFailed('ask how a step is', exitCode, stderr);
    const [, seconds = '', state = ''] = /^(-?\d+) (alive|ended|dead|starting)$/m.exec(stdout) ?? [];
    if (state === 'starting')
      return { seconds: Number(seconds), state: Number(seconds) > 60 ? 'dead' : 'alive' };
    return { seconds: Number(seconds), state: state === 'alive' || state === 'ended' ? state : 'dead' };
  }

  /** Undefined while it has not ended, and when nobody knows how it has. */
  async exitCode(signal: AbortSignal): Promise<number | undefined> {
    const content = await this.#read('code', 0, signal);
    const code = content?.toString().trim() ?? '';
    return /^\d{1,3}$/.test(code) ? Number(code) : undefined;
  }

  /** What it printed from there on; undefined when there is nothing. */
  async output(offset: number, signal: AbortSignal): Promise<Buffer | undefined> {
    const content = await this.#read('output', offset, signal);
    return content === undefined || content.length === 0 ? undefined : content;
  }

  /** Whether nothing that it started has its output open any more. */
  async isQuiet(signal: AbortSignal): Promise<boolean> {
    return (await this.#read('end', 0, signal)) !== undefined;
  }

  /** The end of what it printed. */
  async lastOutput(signal: AbortSignal): Promise<string> {
    const argv = shellScript('[ ! -f "$1" ] || b tail -c 4096 "$1"', [`${this.#path}/output`]);
    return (await orAborted(this.#guest.exec(argv, { timeoutMs: TIMEOUT_MS }), signal)).stdout;
  }

  /** Kills it, with all that it started. */
  async stop(signal: AbortSignal): Promise<void> {
    await this.#run('stop a step', shellScript(stop, [this.#path]), signal);
  }

  #read(name: string, offset: number, signal: AbortSignal): Promise<Buffer | undefined> {
    return orAborted(
      this.#guest.readFile(`${this.#path}/${name}`, { offset, timeoutMs: TIMEOUT_MS }),
      signal,
    );
  }

  async #run(title: string, argv: readonly string[], signal: AbortSignal): Promise<void> {
    const { exitCode, stderr } = await orAborted(this.#guest.exec(argv, { timeoutMs: TIMEOUT_MS }), signal);
    if (exitCode !== 0) throw hostErrors.guestCommandFailed(title, exitCode, stderr);
  }
}
