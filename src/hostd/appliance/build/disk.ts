import { rm } from 'node:fs/promises';
import { HostError, hostErrors } from '../../errors/index.ts';
import { syncDirectory } from '../../files/durable-files.ts';
import { cleanGuest } from '../../guest/clean.ts';
import type { Step } from '../pass.ts';
import { powerOff } from '../power-off.ts';
import type { Scope } from '../scope.ts';
import { diskStep } from '../steps/storage.ts';
import { failBuild } from './failure.ts';
import { BuildLog } from './log.ts';
import { buildOf, buildRecordOf, remember } from './progress.ts';

/** How often a build begins. Hosts are rebooted; a step that ends its VM each time would go on for ever. */
const MOST_ATTEMPTS = 5;

/** The appliance has its disk; a new one, if the VM on the old one has ended before the build was done. */
export function freshDiskStep(scope: Scope): Step {
  const disk = diskStep(scope);
  return {
    ...disk,
    isDone: async (signal) => !(await isSpoilt(scope)) && (await disk.isDone(signal)),
    run: async (signal) => {
      if (await isSpoilt(scope)) await beginAgain(scope);
      await disk.run(signal);
    },
  };
}

/** The record names a size before the VM first starts. */
async function isSpoilt({ host, desired, directory, record }: Scope): Promise<boolean> {
  if (record.current.size === undefined) return false;
  const { restart, phase } = buildRecordOf(record.current);
  if (restart !== undefined || phase === 'Stopping') return false;
  const found = await host.driver.inspect(desired.uuid, directory.path);
  return found?.state !== 'Running' && found?.state !== 'Paused';
}

/**
 * Removes the disk and all that is known of what was done on it. Killed in between, the next daemon finds a VM that does not run, and
 * does it again.
 */
async function beginAgain(scope: Scope): Promise<void> {
  const { host, desired, directory, record } = scope;
  const { attempt } = buildRecordOf(record.current);
  if (attempt >= MOST_ATTEMPTS) await failBuild(scope, hostErrors.buildInterrupted(attempt));
  await host.driver.destroy(desired.uuid, directory.path);
  for (const path of [directory.diskPath, directory.dataDiskPath]) await rm(path, { force: true });
  await syncDirectory(directory.path);
  await new BuildLog(directory.buildLogPath).tell(
    `the VM ended before the build was done: it begins again on a new disk (attempt ${attempt + 1} of ${MOST_ATTEMPTS})`,
  );
  record.update({
    size: undefined,
    diskCreatedAt: undefined,
    dataDiskCreatedAt: undefined,
    started: false,
    agentAnswered: false,
    build: { phase: 'Building', attempt: attempt + 1, next: 0 },
  });
  await record.saved();
  scope.installed = undefined;
}

/** Removes from the guest what identifies one machine: keys, ids, logs. Once it has begun, the build's steps are not looked at again. */
export function cleanStep(scope: Scope): Step {
  return {
    name: 'Clean',
    isDone: async () => false,
    run: async (signal) => {
      const log = new BuildLog(scope.directory.buildLogPath);
      await remember(scope, { phase: 'Cleaning' });
      await log.tell('all steps are done: the guest is cleaned');
      try {
        await log.append(Buffer.from(await cleanGuest(scope.guest, buildOf(scope).clean, signal)));
      } catch (error) {
        const isFinal = error instanceof HostError && error.reason === 'GuestCommandFailed';
        if (!isFinal) throw error;
        await failBuild(scope, hostErrors.buildNotCleaned(error));
      }
      // What the VM does from now on changes nothing that counts: it is off, however that comes.
      await remember(scope, { phase: 'Stopping' });
    },
  };
}

/** The VM is off, and stays off: its disk is the template's. */
export function offStep(scope: Scope): Step {
  const { host, desired, directory, record } = scope;
  let note: string | undefined;
  return {
    name: 'Stop',
    note: () => note,
    isDone: async () => {
      if (buildRecordOf(record.current).phase !== 'Built') return false;
      const found = await host.driver.inspect(desired.uuid, directory.path);
      return found === undefined || (found.state === 'Stopped' && found.remains !== true);
    },
    run: async (signal) => {
      const isOff = await powerOff(host.driver, directory, {
        timeoutMs: host.pace.shutdownMs,
        log: host.log,
        signal,
      });
      const log = new BuildLog(directory.buildLogPath);
      await log.tell(isOff ? 'the guest is shut down' : 'the guest did not shut down in time, and was ended');
      if (!isOff)
        note = 'the guest did not shut down in time, and was ended; its disk had all that the steps wrote';
      await remember(scope, { phase: 'Built' });
    },
  };
}
