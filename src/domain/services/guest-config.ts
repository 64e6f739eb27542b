import { shellQuote } from '../../base/shell.ts';
import { type GuestScript, runScript } from './actions.ts';
import { ServiceRequestError } from './errors.ts';
import { isLabel } from './names.ts';
import type { GuestAction } from './types.ts';

/** The part of P that configures the guest, before any container or package (SO-MVDS section 5). */
export interface GuestConfiguration {
  readonly hostname?: string;
  /** Environment variables of the service. */
  readonly env?: Readonly<Record<string, string>>;
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Linux refuses argument lists beyond a quarter of the stack's limit, 2 MiB by default. */
const ENVIRONMENT_BYTES = 1024 * 1024;

/** A shell's function that gives the running system a hostname, its next boot, and its lookups. `b` finds a tool. */
export const SET_HOSTNAME = `set_hostname() {
  printf '%s\\n' "$1" >/etc/hostname.new
  b mv /etc/hostname.new /etc/hostname
  printf '%s' "$1" >/proc/sys/kernel/hostname
  [ -f /etc/hosts ] || printf '127.0.0.1 localhost\\n' >/etc/hosts
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in 127.0.1.1[[:space:]]*) ;; *) printf '%s\\n' "$line" ;; esac
  done </etc/hosts >/etc/hosts.new
  printf '127.0.1.1 %s\\n' "$1" >>/etc/hosts.new
  b mv /etc/hosts.new /etc/hosts
}
`;

/**
 * $1 the number of lines of the environment, which are in COPPICE_LINE_0 …. $2 hostname, for the running system and for the next
 * boot, or nothing. One script for both, because starting a script takes a booting guest longer than running it. Environments
 * contain secrets, so only root may read their folder.
 */
const CONFIGURE: GuestScript = {
  title: 'set environment and hostname',
  timeoutSeconds: 30,
  text: `${SET_HOSTNAME}[ -d /etc/coppice ] || b mkdir -p /etc/coppice
b chmod 0700 /etc/coppice
at=0
while [ "$at" -lt "$1" ]; do
  eval "printf '%s\\n' \\"\\$COPPICE_LINE_$at\\""
  at=$((at + 1))
done >/etc/coppice/env.new
b chmod 0600 /etc/coppice/env.new
b mv /etc/coppice/env.new /etc/coppice/env
if [ -n "$2" ]; then set_hostname "$2"; fi
b sync
`,
};

/**
 * Actions for state VMReady: "the guest OS configuration will not start until after it receives the VM ready state" (SO-MVDS
 * section 5). The environment is always written, even an empty one, so that variables that were removed go away in the guest.
 * @throws ServiceRequestError for a hostname or environment that no guest can take
 */
export function configureGuest({ hostname, env = {} }: GuestConfiguration): readonly GuestAction[] {
  const name = hostname === undefined ? '' : requireHostname(hostname);
  const lines = environmentLines(env);
  const named = Object.fromEntries(lines.map((line, at) => [`COPPICE_LINE_${at}`, line]));
  return [runScript(CONFIGURE, [`${lines.length}`, name], named)];
}

function requireHostname(hostname: string): string {
  if (isLabel(hostname)) return hostname;
  throw new ServiceRequestError(
    'InvalidHostname',
    `parameters.hostname is "${hostname}": use at most 63 lower-case letters, digits and dashes, no dash at either end`,
  );
}

function environmentLines(env: Readonly<Record<string, string>>): string[] {
  const lines = Object.entries(env)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([variable, value]) => `${requireVariable(variable, value)}=${shellQuote(value)}`);
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  if (bytes > ENVIRONMENT_BYTES) {
    throw new ServiceRequestError(
      'InvalidEnvironment',
      `parameters.env takes ${bytes} bytes: at most ${ENVIRONMENT_BYTES} can be passed to a guest`,
    );
  }
  return lines;
}

function requireVariable(variable: string, value: string): string {
  if (!VARIABLE.test(variable)) {
    throw new ServiceRequestError(
      'InvalidEnvironment',
      `parameters.env has "${variable}": names are letters, digits and underscores, and do not start with a digit`,
    );
  }
  if (value.includes('\0')) {
    throw new ServiceRequestError(
      'InvalidEnvironment',
      `the value of "${variable}" in parameters.env contains a NUL character: remove it`,
    );
  }
  return variable;
}
