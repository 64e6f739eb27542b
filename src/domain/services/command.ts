import { type GuestScript, PREPARE, putInto, runScript } from './actions.ts';
import { ServiceRequestError } from './errors.ts';
import { normalisePath, requireSafePackage, serviceNameOf } from './names.ts';
import { requestedProbe } from './probes.ts';
import { START, STOP, SUPERVISOR } from './supervise.ts';
import type { PackageFacts, Probe, ServicePlan, ServiceRequest } from './types.ts';

/**
 * $1 the service's directory, $2 staging directory, $3 a program of the package, or nothing: it is made executable, since inline
 * files and zip archives carry no modes. $4 what is added to all modes, or nothing. The release file changes with every
 * installation; START recognises a new package by it.
 */
const ACTIVATE: GuestScript = {
  title: 'put the package in place',
  timeoutSeconds: 120,
  text: `directory=$1 staging=$2 program=$3 modes=$4
if [ -n "$modes" ]; then b chmod -R "$modes" "$staging"; fi
if [ -n "$program" ] && [ -f "$staging/$program" ]; then b chmod 0755 "$staging/$program"; fi
b rm -rf "$directory"
b mv "$staging" "$directory"
echo "$(b date +%s) $$" >"$directory.release"
b sync
`,
};

/** The guest itself is the container, which is ready when it runs programs. */
const CONTAINER_PROBE: Probe = { kind: 'exec', argv: ['/bin/sh', '-c', ':'], timeoutSeconds: 10 };

/**
 * Builder for `command` (SO-MVDS section 5): the package is unpacked in `/opt/coppice/<service>` and
 * `parameters.command` runs there, supervised. It logs to `/var/log/coppice-<service>.log`, or
 * `/run/coppice/<service>.log` where that cannot be written.
 */
export function buildCommand(request: ServiceRequest): ServicePlan {
  const { container, parameters, package: facts, serviceName } = request;
  const name = serviceNameOf(request);
  requireSafePackage(facts);
  const command = commandOf(request);
  const directory = `/opt/coppice/${serviceName}`;
  return {
    name,
    actions: facts.kind === 'none' ? [] : installActions(directory, facts, packagedProgram(command)),
    start: [runScript(START, [serviceName, directory, SUPERVISOR, ...command])],
    stop: [runScript(STOP, [serviceName])],
    containerProbe: CONTAINER_PROBE,
    serviceProbe: requestedProbe(request) ?? { kind: 'tcp', port: container.port },
    accessPath: normalisePath(parameters.path ?? '/', 'parameters.path'),
  };
}

function installActions(directory: string, facts: Exclude<PackageFacts, { kind: 'none' }>, program: string) {
  const staging = `${directory}.new`;
  const bringsModes = facts.kind === 'archive' && facts.format !== 'file';
  return [
    runScript(PREPARE, [staging]),
    putInto(staging, facts),
    runScript(ACTIVATE, [directory, staging, program, bringsModes ? '' : 'a+rX']),
  ];
}

function commandOf({ parameters, package: facts, serviceName }: ServiceRequest): readonly string[] {
  const { command } = parameters;
  if (command !== undefined && command.length > 0) {
    if (command.some((argument) => argument.includes('\0'))) {
      throw new ServiceRequestError(
        'InvalidCommand',
        'parameters.command contains a NUL character: remove it',
      );
    }
    return command;
  }
  if (facts.kind === 'archive' && facts.format === 'file') return [`./${facts.fileName}`];
  throw new ServiceRequestError(
    'MissingCommand',
    `service ${serviceName} has no command to run: give parameters.command, or a package that is one program`,
  );
}

/** The program's path within the package, or an empty string when the program is not in the package. */
function packagedProgram([program = '']: readonly string[]): string {
  return program.includes('/') && !program.startsWith('/') ? program : '';
}
