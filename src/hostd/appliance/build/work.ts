import { randomBytes } from 'node:crypto';
import { sleep } from '../../../base/clock.ts';
import type { DesiredBuildStep } from '../../../host/protocol.ts';
import { HostError, hostErrors } from '../../errors/index.ts';
import { DetachedScript } from '../../guest/detached.ts';
import type { Step } from '../pass.ts';
import type { Scope } from '../scope.ts';
import { copyIntoGuest } from './copy.ts';
import { failBuild } from './failure.ts';
import { BuildLog } from './log.ts';
import { buildOf, buildRecordOf, remember, titleOf } from './progress.ts';
import { giveUpDisk, isOver, requireBoot } from './reboot.ts';

type RunStep = Extract<DesiredBuildStep, { kind: 'run' }>;
type CopyStep = Extract<DesiredBuildStep, { kind: 'copy' }>;

/** The pauses between two looks at a script grow from the pace's to this, and so slowly that they add little to a short one. */
const LONGEST_PAUSE_MS = 1_000;
const PAUSE_GROWTH = 1.1;
/** Whether it still runs is asked no more often: that runs a program in the guest. */
const ALIVE_MS = 5_000;
/** How long what a script left behind may hold its output open. */
const QUIET_MS = 2_000;

/** One step of a build is done. @param index from 0 */
export function workStep(scope: Scope, step: RunStep | CopyStep, index: number): Step {
  const { record } = scope;
  return {
    name: 'Build',
    isDone: async () => buildRecordOf(record.current).next > index || isOver(scope),
    run: async (signal) => {
      await requireBoot(scope, index, signal);
      await announce(scope, step, index);
      if (step.kind === 'copy') await copy(scope, step, index, signal);
      else await new ScriptRun(scope, step, index).untilDone(signal);
      await remember(scope, { next: index + 1 });
    },
  };
}

/** What the guest refuses it would refuse again; what the host could not fetch, or a silent agent, is tried again. */
const FINAL: ReadonlySet<string> = new Set(['GuestCommandFailed', 'GuestDiskFull', 'GuestAgentRefused']);

async function copy(scope: Scope, step: CopyStep, index: number, signal: AbortSignal): Promise<void> {
  try {
    await copyIntoGuest(scope, step, signal);
  } catch (error) {
    if (!(error instanceof HostError && FINAL.has(error.reason))) throw error;
    const title = titleOf(index, buildOf(scope));
    await failBuild(scope, hostErrors.buildCopyFailed(title, error), namedStep(step, index));
  }
}

function namedStep({ name }: RunStep | CopyStep, index: number) {
  return { step: index + 1, ...(name === undefined ? {} : { name }) };
}

/** Once; a daemon that goes on with the step finds where in the log its output begins. */
async function announce(scope: Scope, step: RunStep | CopyStep, index: number): Promise<void> {
  if (buildRecordOf(scope.record.current).log?.step === index) return;
  const log = new BuildLog(scope.directory.buildLogPath);
  await log.tell(`${titleOf(index, buildOf(scope))}: ${step.kind === 'copy' ? `copy to ${step.to}` : 'run'}`);
  await remember(scope, { log: { step: index, at: await log.size() } });
}

/** A script of a build, in its guest: started once, and followed to its end by whichever daemon is there. */
class ScriptRun {
  readonly #scope: Scope;
  readonly #step: RunStep;
  readonly #index: number;
  readonly #script: DetachedScript;
  readonly #log: BuildLog;
  #isLogFull = false;
  #lookedAt: number;
  #answeredAt: number;

  constructor(scope: Scope, step: RunStep, index: number) {
    this.#scope = scope;
    this.#step = step;
    this.#index = index;
    this.#script = new DetachedScript(scope.guest, `${index + 1}`);
    this.#log = new BuildLog(scope.directory.buildLogPath);
    this.#lookedAt = scope.host.clock.monotonic();
    this.#answeredAt = this.#lookedAt;
  }

  async untilDone(signal: AbortSignal): Promise<void> {
    const { clock, pace } = this.#scope.host;
    await this.#script.startOnce(this.#step.script, randomBytes(6).toString('hex'), signal);
    for (let pauseMs = pace.pollMs; ; pauseMs = Math.min(pauseMs * PAUSE_GROWTH, LONGEST_PAUSE_MS)) {
      const exitCode = await this.#unlessSilent(() => this.#look(signal), signal);
      if (exitCode !== undefined) return await this.#ended(exitCode, signal);
      await sleep(clock, pauseMs, signal);
    }
  }

  /** Its exit code, once it has ended. */
  async #look(signal: AbortSignal): Promise<number | undefined> {
    const exitCode = await this.#script.exitCode(signal);
    await this.#takeOutput(signal);
    if (exitCode === undefined) await this.#checkAlive(signal);
    return exitCode;
  }

  /** A script may restart the agent, as its package's upgrade does: it may be silent for as long as after a start. */
  async #unlessSilent<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    const now = this.#scope.host.clock.monotonic();
    try {
      const answer = await ask();
      this.#answeredAt = now;
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      const isSilent = error instanceof HostError && error.reason === 'AgentUnavailable';
      if (!isSilent || now - this.#answeredAt > this.#scope.desired.agentTimeoutSeconds * 1000) throw error;
      return undefined;
    }
  }

  async #takeOutput(signal: AbortSignal): Promise<void> {
    while (!this.#isLogFull) {
      const { log } = buildRecordOf(this.#scope.record.current);
      const output = await this.#script.output((await this.#log.size()) - (log?.at ?? 0), signal);
      if (output === undefined) return;
      this.#isLogFull = !(await this.#log.append(output));
    }
  }

  async #checkAlive(signal: AbortSignal): Promise<void> {
    const { clock } = this.#scope.host;
    if (clock.monotonic() - this.#lookedAt < ALIVE_MS) return;
    const found = await this.#script.look(signal);
    this.#lookedAt = clock.monotonic();
    if (found === undefined || found.state === 'dead') return giveUpDisk(this.#scope, this.#index);
    if (found.state === 'alive' && found.seconds > this.#step.timeoutSeconds) await this.#tooLong(signal);
  }

  async #tooLong(signal: AbortSignal): Promise<void> {
    await this.#script.stop(signal);
    await this.#takeOutput(signal);
    const output = await this.#script.lastOutput(signal);
    const error = hostErrors.buildStepTimeout(this.#title, this.#step.timeoutSeconds, output);
    await failBuild(this.#scope, error, this.#named);
  }

  async #ended(exitCode: number, signal: AbortSignal): Promise<void> {
    const { clock, pace } = this.#scope.host;
    const until = clock.monotonic() + QUIET_MS;
    while (clock.monotonic() < until && !(await this.#script.isQuiet(signal)))
      await sleep(clock, pace.pollMs, signal);
    await this.#takeOutput(signal);
    if (exitCode === 0) return;
    const error = hostErrors.buildStepFailed(this.#title, exitCode, await this.#script.lastOutput(signal));
    await failBuild(this.#scope, error, { ...this.#named, exitCode });
  }

  get #named() {
    return namedStep(this.#step, this.#index);
  }

  get #title(): string {
    return titleOf(this.#index, buildOf(this.#scope));
  }
}
