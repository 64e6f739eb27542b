import { sleep } from '../../../base/clock.ts';
import type { DesiredAppliance } from '../../../host/protocol.ts';
import { hostErrors } from '../../errors/index.ts';
import { askCloudInit } from '../../guest/cloud-init.ts';
import { readInstalled, writeInstalled } from '../installed.ts';
import type { Step } from '../pass.ts';
import { domainOf, type Scope } from '../scope.ts';

/** What is written in the guest; a disk that another machine wrote says that it was done for that one. */
function doneFor({ uuid, machine }: DesiredAppliance): string {
  return machine?.kind === 'other' ? `done ${uuid}` : 'done';
}

/**
 * cloud-init has carried out what it does once per machine: only then does anything else change the guest, and a service finds what
 * user data prepared. The agent answers before that. What cloud-init could not do keeps the service from nothing: it is a note.
 */
export function cloudInitStep(scope: Scope): Step {
  let note: string | undefined;
  const wanted = doneFor(scope.desired);
  return {
    name: 'CloudInit',
    note: () => note,
    isDone: async (signal) => (await readInstalled(scope, signal)).cloudInit === wanted,
    run: async (signal) => {
      const { host, desired } = scope;
      const deadline = host.clock.monotonic() + desired.agentTimeoutSeconds * 1000;
      for (;;) {
        const found = await askCloudInit(scope.guest, signal);
        if (found.state === 'missing') throw hostErrors.cloudInitMissing(domainOf(desired));
        if (found.state === 'done') {
          if (found.errors.length > 0) note = noteOf(found.errors);
          break;
        }
        if (host.clock.monotonic() >= deadline)
          throw hostErrors.cloudInitRuns(domainOf(desired), desired.agentTimeoutSeconds);
        await sleep(host.clock, host.pace.pollMs, signal);
      }
      await writeInstalled(scope, { cloudInit: wanted }, signal);
    },
  };
}

function noteOf(errors: readonly string[]): string {
  return (
    `cloud-init could not do everything: ${errors.join('; ')}; the guest's /var/log/cloud-init.log says more, and it is not ` +
    'tried again in this VM'
  );
}
