import { type GuestScript, putInto, runScript } from './actions.ts';
import { ENDINGS } from './endings.ts';
import { ServiceRequestError } from './errors.ts';
import { normalisePath, requireSafePackage, serviceNameOf } from './names.ts';
import { requestedProbe } from './probes.ts';
import { prepare, RELEASES, stagingIn } from './releases.ts';
import { CONTROL, START, STOP, SUPERVISOR } from './supervise.ts';
import type { PackageFacts, Probe, ServicePlan, ServiceRequest } from './types.ts';

/** $1 service, $2 its releases. What runs now may be an older release than the one in place. */
const SWEEP = `name=$1 holder=$2
${CONTROL}${RELEASES}if alive; then sweep "/proc/$pid/cwd"; else sweep ''; fi
`;

/**
 * $1 the service's directory, $2 its releases, $3 a program of the package, or nothing: it is made executable, since inline files and
 * zip archives carry no modes. $4 what is added to all modes, or nothing. Whatever else than our link is in the directory's place
 * becomes a release, too, that is in use until the new one is.
 */
const ACTIVATE: GuestScript = {
  title: 'put the package in place',
  timeoutSeconds: 120,
  text: `directory=$1 holder=$2 program=$3 modes=$4
${RELEASES}keep
release=$number
if [ -n "$modes" ]; then b chmod -R "$modes" "$holder/$release"; fi
if [ -n "$program" ]; then
  if ! [ -f "$holder/$release/$program" ]; then
    echo "the package has no file $program, which the command names" >&2
    b rm -rf "$holder/$release"
    exit 1
  fi
  [ -x "$holder/$release/$program" ] || b chmod 0755 "$holder/$release/$program"
fi
link=\${holder##*/}/current
if [ "$(b readlink "$directory" || :)" != "$link" ]; then
  if [ -e "$directory" ]; then
    while [ -e "$holder/$number" ]; do number=$((number + 1)); done
    b mv "$directory" "$holder/$number"
    swap "$number"
  fi
  put "$link" "\${directory%/*}" "\${directory##*/}"
fi
use "$release"
`,
};

/** The guest itself is the container, which is ready when it runs programs. */
const CONTAINER_PROBE: Probe = { kind: 'exec', argv: ['/bin/sh', '-c', ':'], timeoutSeconds: 10 };

/**
 * Builder for `command` (SO-MVDS section 5): the package is unpacked in `/opt/coppice/<service>`, which the next package replaces as
 * a whole, and `parameters.command` runs there, supervised. What the service keeps is in `/var/lib/coppice/<service>`, which nothing
 * here ever removes. It logs to `/var/log/coppice-<service>.log`, or `/run/coppice/<service>.log` where that cannot be written.
 */
export function buildCommand(request: ServiceRequest): ServicePlan {
  const { container, parameters, package: facts, serviceName } = request;
  const name = serviceNameOf(request);
  requireSafePackage(facts);
  const command = commandOf(request);
  const directory = `/opt/coppice/${serviceName}`;
  return {
    name,
    actions: facts.kind === 'none' ? [] : installActions(request, directory, facts, command),
    start: [
      runScript(START, [serviceName, directory, `/var/lib/coppice/${serviceName}`, SUPERVISOR, ...command]),
    ],
    stop: [runScript(STOP, [serviceName])],
    endings: runScript(ENDINGS, [serviceName]),
    containerProbe: CONTAINER_PROBE,
    serviceProbe: requestedProbe(request) ?? { kind: 'tcp', port: container.port },
    accessPath: normalisePath(parameters.path ?? '/', 'parameters.path'),
  };
}

function installActions(
  { serviceName }: ServiceRequest,
  directory: string,
  facts: Exclude<PackageFacts, { kind: 'none' }>,
  command: readonly string[],
) {
  const holder = `${directory}.releases`;
  const bringsModes = facts.kind === 'archive' && facts.format !== 'file';
  return [
    prepare(SWEEP, [serviceName, holder]),
    putInto(stagingIn(holder), facts),
    runScript(ACTIVATE, [directory, holder, packagedProgram(command), bringsModes ? '' : 'a+rX']),
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
  const leadsOut = program.startsWith('/') || program.split('/').includes('..');
  return program.includes('/') && !leadsOut ? program : '';
}
