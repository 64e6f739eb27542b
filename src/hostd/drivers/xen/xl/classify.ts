import { type HostError, hostErrors } from '../../../errors/index.ts';

/**
 * libxl's error codes for a time-out, or for something that was not ready at that moment: -8 GUEST_TIMEDOUT, -9 TIMEDOUT,
 * -11 NOT_READY, -15 LOCK_FAIL. https://xenbits.xen.org/gitweb/?p=xen.git;a=blob;f=tools/libs/light/libxl_types.idl
 */
const TRANSIENT_CODE = /(\brc ?=? ?|[:(] ?)-(8|9|11|15)\b/;

/** libxl's time-out messages that carry no code. */
const TRANSIENT_MESSAGE = /timed out|because of timeout/i;

/**
 * The back end of a device did not come up. Up to 4.17 libxl prints no code with this message, and mentions a time-out only in its
 * debug log. "Unable to remove device" is different: it only follows another failure.
 * https://xenbits.xen.org/gitweb/?p=xen.git;a=blob;f=tools/libs/light/libxl_device.c
 */
const BACKEND_MISSING = /unable to add device with path (?!\S+ - rc)/i;

/** Whether xl's output reports a time-out, so that the same command may well succeed when it is repeated. */
export function isTimeout(output: string): boolean {
  return TRANSIENT_CODE.test(output) || TRANSIENT_MESSAGE.test(output);
}

/** Whether the back end of a device was either slow or broken, and xl's output does not say which. */
export function mayBeBackendTimeout(output: string): boolean {
  return !isTimeout(output) && BACKEND_MISSING.test(output);
}

/** Whether Xen had no memory left for a domain. */
export function isOutOfMemory(output: string): boolean {
  return /out of memory|cannot allocate memory|can't allocate low memory|failed to free memory/i.test(output);
}

/** The name because of which a creation failed: another domain has it. */
export function takenName(output: string): string | undefined {
  return /Domain with name "(.*)" already exists/.exec(output)?.[1];
}

/** Why no xl command can work on this host; undefined when only this command failed. */
export function hypervisorProblem(output: string): HostError | undefined {
  if (/xenstore|xs_open|xen_?bus/i.test(output) && /connect|open|No such file|refused/i.test(output)) {
    return hostErrors.xenstoreSilent(output);
  }
  const closed =
    /privileged command interface|libxc handle|xencall|xen context|hypervisor information|is not xen/i;
  if (!closed.test(output)) return undefined;
  return /permission denied|not permitted/i.test(output)
    ? hostErrors.xenNotPrivileged(output)
    : hostErrors.xenNotRunning(output);
}

/** Messages about the unused first channel, and about parts of a half-made domain that do not exist when it is removed. */
const NOISE =
  /Primary console has invalid configuration|Non-existant domain|Unable to destroy guest|Destruction of domain failed/;

/** The error lines of xl's output, without its progress; all of the output when no line is an error. */
export function errorsIn(output: string): string {
  const lines = output.split('\n');
  const errors = lines.filter((line) => /error|fail|cannot|unable/i.test(line) && !NOISE.test(line));
  return (errors.length === 0 ? lines : errors).join('\n').trim();
}
