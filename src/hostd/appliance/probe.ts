import { orAborted } from '../../base/abort.ts';
import { sleep } from '../../base/clock.ts';
import { shownUrl } from '../../base/shown-url.ts';
import { accessPoint } from '../../domain/services/access-point.ts';
import type { Probe } from '../../domain/services/types.ts';
import { HostError, hostErrors, lastWords, messageOf } from '../errors/index.ts';
import { withShortOutput } from '../guest/session.ts';
import { reachableAt } from './endpoints.ts';
import type { Scope } from './scope.ts';

type ExecProbe = Extract<Probe, { kind: 'exec' }>;

/** Probes once. Resolves with undefined on success, else with a description of the failure. */
export async function askProbe(scope: Scope, probe: Probe, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await orAborted(ask(scope, probe), signal);
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error);
  }
}

async function ask(scope: Scope, probe: Probe): Promise<string | undefined> {
  const { host, desired, record } = scope;
  const { questionMs } = host.pace;
  const { prober } = host.driver;
  switch (probe.kind) {
    case 'http': {
      const url = accessPoint({ ...probe, ...reachableAt(desired, record.current.ports, probe.port) });
      const status = await prober.http(url, questionMs);
      if (status < probe.expectStatusBelow) return undefined;
      return `${shownUrl(url)} answers with HTTP status ${status}, expected is one below ${probe.expectStatusBelow}`;
    }
    case 'tcp': {
      const { address, port } = reachableAt(desired, record.current.ports, probe.port);
      await prober.tcp(address, port, questionMs);
      return undefined;
    }
    case 'exec':
      return runProbe(scope, probe);
  }
}

async function runProbe({ guest }: Scope, probe: ExecProbe): Promise<string | undefined> {
  const [program] = probe.argv;
  const { timeoutSeconds } = probe;
  try {
    const { exitCode, stderr } = await guest.exec(withShortOutput(probe.argv), {
      timeoutMs: timeoutSeconds * 1000,
    });
    const output = lastWords(stderr) || 'it has no output';
    return exitCode === 0 ? undefined : `${program} in the guest ends with exit code ${exitCode}: ${output}`;
  } catch (error) {
    const isLate = error instanceof HostError && error.reason === 'GuestCommandTimeout';
    // The user knows the program, not what runs it; what it printed was killed with it.
    throw isLate ? hostErrors.guestCommandTimeout(program, timeoutSeconds, '') : error;
  }
}

/** Probes until success; after `timeoutMs`, rejects with the error that `tooLate` makes from the last failure. */
export async function untilWell(
  scope: Scope,
  probe: Probe,
  timeoutMs: number,
  tooLate: (finding: string) => Error | Promise<Error>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, pace } = scope.host;
  const deadline = clock.monotonic() + timeoutMs;
  let hint: string | undefined;
  for (;;) {
    const finding = await askProbe(scope, probe, signal);
    if (finding === undefined) return;
    hint ??= await routeHint(scope, probe);
    if (clock.monotonic() >= deadline) throw await tooLate(finding + hint);
    await sleep(clock, pace.pollMs, signal);
  }
}

/**
 * For a VM with an address of its own: the route to it, where that may be why it does not answer; else nothing. Rejects
 * when there is no route.
 */
async function routeHint({ host, desired }: Scope, probe: Probe): Promise<string> {
  const { network } = desired;
  const { bridge = '' } = host;
  if (network.mode === 'user' || probe.kind === 'exec') return '';
  const { address, prefixLength } = network;
  const route = await host.driver.prober.route(address);
  if (route === undefined) throw hostErrors.noRouteToGuest(address, prefixLength, bridge);
  if (route.device === bridge) return '';
  const router = route.via === undefined ? '' : ` by way of ${route.via}`;
  return (
    ` (this host reaches ${address} through ${route.device}${router}, not through its bridge ${bridge}: if that is not ` +
    `intended, give ${bridge} an address in the network of ${address}/${prefixLength})`
  );
}
