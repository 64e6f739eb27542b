import { type HostError, hostErrors } from '../../../errors/index.ts';

/**
 * libxl ran out of its own time, or of a moment's luck: -8 GUEST_TIMEDOUT, -9 TIMEDOUT, -11 NOT_READY, -15 LOCK_FAIL.
 * https://xenbits.xen.org/gitweb/?p=xen.git;a=blob;f=tools/libs/light/libxl_types.idl
 */
const TRANSIENT_CODE = /(\brc ?=? ?|[:(] ?)-(8|9|11|15)\b/;

/** How libxl tells of it where it tells no code. */
const TRANSIENT_WORDS = /timed out|because of timeout/i;

/**
 * A device whose backend did not come: up to 4.17 libxl tells no code with it, and words of a time-out to its debug log only.
 * That a device cannot be removed only follows another failure.
 * https://xenbits.xen.org/gitweb/?p=xen.git;a=blob;f=tools/libs/light/libxl_device.c
 */
const BACKEND_AWAY = /unable to add device with path (?!\S+ - rc)/i;

/** Whether what xl said tells of a time-out, so that the same may well work when it is tried again. */
export function tellsOfTimeout(words: string): boolean {
  return TRANSIENT_CODE.test(words) || TRANSIENT_WORDS.test(words);
}

/**
 * Whether what xl said may tell of a time-out of a device's backend, or as well of a backend that fails each time, and does not
 * tell which.
 */
export function tellsOfBackend(words: string): boolean {
  return !tellsOfTimeout(words) && BACKEND_AWAY.test(words);
}

/** Whether Xen had no memory left for a domain. */
export function tellsOfMemory(words: string): boolean {
  return /out of memory|cannot allocate memory|can't allocate low memory|failed to free memory/i.test(words);
}

/** The name that a creation failed on because another domain has it. */
export function takenName(words: string): string | undefined {
  return /Domain with name "(.*)" already exists/.exec(words)?.[1];
}

/** Why no command of xl's can work here; undefined when it is the command's own failure. */
export function hypervisorProblem(words: string): HostError | undefined {
  if (/xenstore|xs_open|xen_?bus/i.test(words) && /connect|open|No such file|refused/i.test(words)) {
    return hostErrors.xenstoreSilent(words);
  }
  const closed =
    /privileged command interface|libxc handle|xencall|xen context|hypervisor information|is not xen/i;
  if (!closed.test(words)) return undefined;
  return /permission denied|not permitted/i.test(words)
    ? hostErrors.xenNotPrivileged(words)
    : hostErrors.xenNotRunning(words);
}

/** The channel that is there to be lost, and what taking away a half domain says of what it had not yet. */
const NOISE =
  /Primary console has invalid configuration|Non-existant domain|Unable to destroy guest|Destruction of domain failed/;

/** What of xl's messages is for people: its errors, without its progress; all of it when it names none. */
export function errorsIn(words: string): string {
  const lines = words.split('\n');
  const errors = lines.filter((line) => /error|fail|cannot|unable/i.test(line) && !NOISE.test(line));
  return (errors.length === 0 ? lines : errors).join('\n').trim();
}
