import type { Probe } from '../../domain/services/types.ts';
import { orAborted } from '../abort.ts';
import { messageOf } from '../errors.ts';
import { FORWARD_ADDRESS } from '../ports.ts';
import type { Scope } from './scope.ts';
import { hostPortOf } from './service.ts';

/** Asks once: undefined when all is well, else in words what is not. */
export async function askProbe(scope: Scope, probe: Probe, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await orAborted(ask(scope, probe), signal);
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error);
  }
}

async function ask(scope: Scope, probe: Probe): Promise<string | undefined> {
  const { host, guest, desired, record } = scope;
  const { questionMs } = host.pace;
  const { prober } = host.driver;
  switch (probe.kind) {
    case 'http': {
      const port = hostPortOf(desired, record.current.ports, probe.port);
      const url = `${probe.scheme}://${FORWARD_ADDRESS}:${port}${probe.path}`;
      const status = await prober.http(url, questionMs);
      if (status < probe.expectStatusBelow) return undefined;
      return `${url} answers with HTTP status ${status}, expected is one below ${probe.expectStatusBelow}`;
    }
    case 'tcp': {
      await prober.tcp(FORWARD_ADDRESS, hostPortOf(desired, record.current.ports, probe.port), questionMs);
      return undefined;
    }
    case 'exec': {
      const { exitCode, stdout, stderr } = await guest.exec(probe.argv, {
        timeoutMs: probe.timeoutSeconds * 1000,
      });
      if (exitCode === 0) return undefined;
      const words = (stderr.trim() || stdout.trim()).split('\n').at(-1) ?? '';
      return `${probe.argv[0]} in the guest ends with exit code ${exitCode} ${words}`.trim();
    }
  }
}

/** Asks until all is well; rejects with what `tooLate` makes of the last finding when `timeoutMs` have passed. */
export async function untilWell(
  scope: Scope,
  probe: Probe,
  timeoutMs: number,
  tooLate: (finding: string) => Error | Promise<Error>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, pace } = scope.host;
  const deadline = clock.now() + timeoutMs;
  for (;;) {
    const finding = await askProbe(scope, probe, signal);
    if (finding === undefined) return;
    if (clock.now() >= deadline) throw await tooLate(finding);
    await clock.sleep(pace.pollMs, signal);
  }
}
