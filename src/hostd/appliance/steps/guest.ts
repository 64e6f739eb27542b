import { orAborted } from '../../../base/abort.ts';
import { configureGuest } from '../../../domain/services/guest-config.ts';
import { HostError, hostErrors } from '../../errors/index.ts';
import {
  configurationDigest,
  forgetInstalled,
  readInstalled,
  serviceDigest,
  startDigest,
  writeInstalled,
} from '../installed.ts';
import type { Step } from '../pass.ts';
import { askProbe, untilWell } from '../probe.ts';
import { failuresOf } from '../progress.ts';
import type { Scope } from '../scope.ts';
import {
  accessPointsOf,
  asHostErrors,
  contentOf,
  fetchPackage,
  planOf,
  provisionalPlanOf,
} from '../service.ts';
import { endingsOf, unlessItEnds } from './endings.ts';

/** The guest has its hostname and environment: only from VMReady on (SO-MVDS section 5). */
export function configureStep(scope: Scope): Step {
  const { host, desired, guest } = scope;
  const wanted = configurationDigest(desired.service);
  return {
    name: 'Configure',
    isDone: async (signal) => (await readInstalled(scope, signal)).configuration === wanted,
    run: async (signal) => {
      const actions = asHostErrors(() => configureGuest(desired.service.parameters));
      // The service is then started with the environment that it is to have.
      await forgetInstalled(scope, ['configuration', 'started'], signal);
      await orAborted(host.guestWork.run(guest, actions, { kind: 'none' }, signal), signal);
      await writeInstalled(scope, { configuration: wanted }, signal);
    },
  };
}

/** The container, which runs services in the guest, is ready: state ContainerReady. */
export function containerStep(scope: Scope): Step {
  const { host, desired } = scope;
  return {
    name: 'Container',
    isDone: async (signal) => {
      const { containerProbe } = await provisionalPlanOf(scope);
      return (await askProbe(scope, containerProbe, signal)) === undefined;
    },
    run: async (signal) => {
      const { containerProbe } = await provisionalPlanOf(scope);
      const tooLate = (finding: string) =>
        hostErrors.containerTimeout(desired.service.container.type, finding);
      await untilWell(scope, containerProbe, host.pace.containerMs, tooLate, signal);
    },
  };
}

/** The package is on this host and has the right digest; once it is installed it is not needed again. */
export function packageStep(scope: Scope): Step {
  const { host, desired } = scope;
  const content = desired.service.package;
  return {
    name: 'Package',
    isDone: async (signal) => {
      if (content?.kind !== 'archive' || (await host.packages.has(content.sha256))) return true;
      return isServiceInstalled(scope, signal);
    },
    run: (signal) => fetchPackage(scope, signal),
  };
}

async function isServiceInstalled(scope: Scope, signal: AbortSignal): Promise<boolean> {
  const { bootId, service, started } = await readInstalled(scope, signal);
  const wanted = scope.desired.service;
  return service === serviceDigest(wanted) && started === startDigest(wanted, bootId);
}

/** The service is installed and was started in this boot of the guest. */
export function installStep(scope: Scope): Step {
  const { host, desired, guest, record } = scope;
  return {
    name: 'Install',
    isDone: (signal) => isServiceInstalled(scope, signal),
    run: async (signal) => {
      const { actions, start } = await planOf(scope);
      const content = contentOf(scope);
      const { bootId, service } = await readInstalled(scope, signal);
      const wanted = serviceDigest(desired.service);
      if (service !== wanted) {
        await forgetInstalled(scope, ['service', 'started'], signal);
        await orAborted(host.guestWork.run(guest, actions, content, signal), signal);
        await writeInstalled(scope, { service: wanted }, signal);
      }
      // Up to here, what was installed before goes on.
      record.update({ answers: false });
      await orAborted(host.guestWork.run(guest, start, content, signal), signal);
      await writeInstalled(scope, { started: startDigest(desired.service, bootId) }, signal);
    },
  };
}

/** So many times in a row a service's command may be found to end again and again before its package is installed again. */
const endedBeforeInstall = 8;

function installAgain(scope: Scope, signal: AbortSignal): Promise<void> {
  return forgetInstalled(scope, ['service', 'started'], signal);
}

/** The service answers: state ServiceAvailable. One that stays silent too long is installed again. */
export function serviceStep(scope: Scope): Step {
  const { desired, record } = scope;
  const { name } = desired.service;
  const seconds = desired.serviceTimeoutSeconds;
  return {
    name: 'Service',
    isDone: async (signal) => {
      const plan = await provisionalPlanOf(scope);
      if ((await askProbe(scope, plan.serviceProbe, signal)) !== undefined) return false;
      record.update({ accessPoints: accessPointsOf(scope, plan), passedProbe: plan.serviceProbe });
      return true;
    },
    run: async (signal) => {
      const plan = await provisionalPlanOf(scope);
      const tooLate = async (finding: string) => {
        const ended = await endingsOf(scope, plan, signal);
        await installAgain(scope, signal);
        const why = ended === undefined ? '' : ` (${hostErrors.serviceEnded(name, ended).message})`;
        return hostErrors.serviceTimeout(name, seconds, finding + why);
      };
      const wait = (until: AbortSignal) =>
        untilWell(scope, plan.serviceProbe, seconds * 1000, tooLate, until);
      try {
        await unlessItEnds(scope, plan, wait, signal);
      } catch (error) {
        // Its files may have been damaged in the guest.
        const failures = failuresOf(record.current, 'Service') + 1;
        const hasEnded = error instanceof HostError && error.reason === 'ServiceEnded';
        if (hasEnded && failures % endedBeforeInstall === 0) await installAgain(scope, signal);
        throw error;
      }
      record.update({ accessPoints: accessPointsOf(scope, plan), passedProbe: plan.serviceProbe });
    },
  };
}
