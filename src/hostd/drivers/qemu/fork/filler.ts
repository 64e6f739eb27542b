import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../../../base/clock.ts';
import { orLate } from '../../../../base/deadline.ts';
import { HostError, hostErrors } from '../../../errors/index.ts';
import { syncFile } from '../../../files/durable-files.ts';
import { type Ending, launch } from '../../common/launch.ts';
import { contentFiles } from '../checkpoint/content.ts';
import { ignoreShared, untilMigrated } from '../checkpoint/migration.ts';
import { receiveState, STATE_URI } from '../checkpoint/state-stream.ts';
import { endVm } from '../end.ts';
import { vmFiles } from '../files.ts';
import { withMonitor } from '../monitor.ts';
import { findVm } from '../processes.ts';
import { QmpCommandError } from '../qmp.ts';
import { untilMonitorAnswers } from '../start.ts';
import { relayFiles } from './relay.ts';

const startLimitMs = 60_000;
const monitorLimitMs = 10_000;
/** A QEMU that closed its connections is about to end. */
const endingMs = 500;

/** A QEMU that takes what its source sends, has the memory in a file by that, and tells the devices' state apart from it. */
export type Filler = {
  /** Its folder. */
  readonly directory: string;
  /** Fires when the filler ends. */
  readonly ended: AbortSignal;
  /** The reason of an error, if the filler has ended: the source says only that nobody listens any more. */
  causeOf(error: unknown): Promise<unknown>;
};

/**
 * Starts a filler in `directory`. Resolves when it listens at {@link STATE_URI} there. It stays in the daemon's control group, and ends
 * with it.
 */
export async function startFiller(
  clock: Clock,
  program: string,
  argv: readonly string[],
  directory: string,
  signal: AbortSignal | undefined,
): Promise<Filler> {
  const qemu = await launch(program, argv, { directory, log: vmFiles.log });
  const over = new AbortController();
  void qemu.ended.then((ending) => over.abort(deathOf(ending, directory)));
  const causeOf = async (error: unknown): Promise<unknown> => {
    // These are about something else.
    if (error instanceof HostError || error instanceof QmpCommandError) return error;
    const ending = signal?.aborted === true ? 'late' : await orLate(clock, qemu.ended, endingMs);
    return ending === 'late' ? error : deathOf(ending, directory);
  };
  try {
    const until = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
    await untilMonitorAnswers(clock, directory, startLimitMs, until);
    await withMonitor(clock, directory, monitorLimitMs, (qmp) =>
      qmp.execute('migrate-incoming', { uri: STATE_URI }),
    );
  } catch (error) {
    throw await causeOf(error);
  } finally {
    qemu.release();
  }
  return { directory, ended: over.signal, causeOf };
}

/** Memory that finds no room in its file ends the process that writes it. */
function deathOf({ output }: Ending, directory: string): Error {
  return /signal SIGBUS/.test(output)
    ? hostErrors.diskFull(directory)
    : new Error(`the QEMU that writes the memory ended early: ${output}`);
}

/** Writes the devices' state to its file, ends the filler, and leaves nothing of it but memory and state, durably. */
export async function emptyFiller(
  clock: Clock,
  uuid: string,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  // All has arrived when QEMU no longer waits for it.
  await untilMigrated(clock, directory, signal);
  await receiveState(directory, join(directory, contentFiles.state), signal, async () => {
    await withMonitor(clock, directory, monitorLimitMs, async (qmp) => {
      await ignoreShared(qmp);
      await qmp.execute('migrate', { uri: STATE_URI });
    });
    await untilMigrated(clock, directory, signal);
  });
  const running = await findVm(uuid, directory);
  if (running !== undefined) await endVm(clock, running);
  await syncFile(join(directory, contentFiles.memory));
  const { pid, log, monitor, agent, state, console, consoleSocket } = vmFiles;
  const others = Object.values(relayFiles);
  for (const name of [pid, log, monitor, agent, state, console, consoleSocket, ...others])
    await rm(join(directory, name), { force: true });
}
