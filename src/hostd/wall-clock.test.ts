import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { CachedAnswer } from '../base/cached-answer.ts';
import { type Clock, instant } from '../base/clock.ts';
import { createFakeClock, type FakeClock } from '../base/testing/fake-clock.ts';
import { jumpingClock } from '../base/testing/jumping-clock.ts';
import { runToEnd } from '../base/testing/run-to-end.ts';
import { handle } from './appliance/handlers.ts';
import {
  StepTimer,
  shownSteps,
  stepFailed,
  stepFinished,
  stepFound,
  stepStarted,
} from './appliance/progress.ts';
import type { HostServices, Scope } from './appliance/scope.ts';
import { agentStep } from './appliance/steps/machine.ts';
import { desiredAppliance, PACE, RunnerBed, UUID } from './appliance/testing/runner-bed.ts';
import { createSimulatedDriver } from './drivers/simulated/driver.ts';
import type { VmSpec } from './drivers/vm.ts';
import { HostError, hostErrors, toHostError } from './errors/index.ts';
import { AgentClient } from './guest/agent.ts';
import { createAgentWork } from './guest/agent-work.ts';
import { FakeAgent } from './guest/testing/fake-agent.ts';
import { HostUse } from './host/host-use.ts';
import { emptyRecord } from './state/record.ts';
import { RecordKeeper } from './state/record-keeper.ts';

/** `time` is moved by the scenario, `clock` is the one that the code under test sees. */
type Bench = {
  readonly time: FakeClock;
  readonly clock: Clock;
  readonly wrap: (clock: Clock) => Clock;
  readonly directory: string;
};

type Scenario = { readonly expected: unknown; readonly run: (bench: Bench) => Promise<unknown> };

const never = new AbortController().signal;

/** What is measured and decided, in a form that holds no time stamp. */
const scenarios: Readonly<Record<string, Scenario>> = {
  'the seconds of steps': {
    expected: [
      { name: 'Disk', state: 'Done', attempts: 1, seconds: 1.5 },
      { name: 'Start', state: 'Done', attempts: 1, seconds: 1 },
      { name: 'Agent', state: 'Running', attempts: 1, seconds: 0.7 },
      { name: 'Disk', state: 'Done', attempts: 1, seconds: 1.5 },
      { name: 'Start', state: 'Done', attempts: 1, seconds: 1 },
      { name: 'Agent', state: 'Running', attempts: 2, seconds: 0 },
      { name: 'Disk', state: 'Done', attempts: 1, seconds: 1.5 },
      { name: 'Start', state: 'Done', attempts: 1, seconds: 1 },
      { name: 'Agent', state: 'Done', attempts: 2, seconds: 0.9 },
    ],
    run: async ({ time, clock }) => {
      const timer = new StepTimer(clock);
      let record = emptyRecord;
      const begin = (name: 'Disk' | 'Start' | 'Agent') => {
        timer.start(name);
        record = { ...record, ...stepStarted(record, name, timer.time(name).at) };
      };
      begin('Disk');
      await time.advance(1500);
      record = { ...record, ...stepFinished(record, 'Disk', timer.seconds('Disk')) };
      begin('Start');
      await time.advance(4000);
      record = { ...record, ...stepFinished(record, 'Start', timer.seconds('Start'), 3000) };
      begin('Agent');
      await time.advance(700);
      const running = shownSteps(record, timer);
      record = { ...record, ...stepFailed(record, 'Agent', new Error('silent'), timer.time('Agent')) };
      begin('Agent');
      await time.advance(900);
      const found = { ...record, ...stepFound(record, 'Agent', timer.time('Agent')) };
      return [...running, ...record.steps, ...found.steps].map(({ startedAt: _, ...rest }) => rest);
    },
  },
  'how long an agent is waited for': {
    expected: { isDone: false, pings: 72, tookMs: 7000, reason: 'AgentTimeout' },
    run: async ({ time, clock }) => {
      let pings = 0;
      const scope = agentScope(clock, async () => {
        pings += 1;
        throw hostErrors.agentUnavailable('silence');
      });
      const step = agentStep(scope);
      const isDone = await step.isDone(never);
      const { result, tookMs } = await runToEnd(time, step.run(never).catch(toHostError));
      return { isDone, pings, tookMs, reason: result?.reason };
    },
  },
  'whether a VM is old enough to be asked': {
    expected: [false, false, true, true, true],
    run: async ({ clock }) => {
      const ages = [0, 1999, 2001, 3_000_000, undefined];
      const answers = ages.map((age) =>
        agentStep(agentScope(clock, async () => undefined, age)).isDone(never),
      );
      return Promise.all(answers);
    },
  },
  'the pauses after VMs that end': {
    expected: [1000, 2000, 1000, 2000],
    run: async ({ wrap }) => pausesAfter(wrap, [1000, 500_000, 700_000, 1000]),
  },
  'how long an answer is good': {
    expected: Array.from({ length: 50 }, (_, at) => 1 + Math.floor(at / 15)),
    run: async ({ time, clock }) => {
      const answers: number[] = [];
      const cached = new CachedAnswer<number>(clock, 1000);
      let asked = 0;
      for (let at = 0; at < 50; at += 1) {
        answers.push(await cached.get(async () => (asked += 1)));
        await time.advance(70);
      }
      return answers;
    },
  },
  'how long the agent’s client waits for an answer': {
    expected: [
      [2000, 'AgentUnavailable'],
      [7000, 'AgentUnavailable'],
    ],
    run: async ({ time, clock }) => {
      const agent = new FakeAgent({ onCommand: () => undefined });
      const silent = new AgentClient(clock, agent.connect);
      const unheard = new AgentClient(clock, new FakeAgent({ onSync: () => undefined }).connect);
      const first = await runToEnd(time, silent.command('guest-ping', {}, 2000).catch(toHostError));
      const second = await runToEnd(time, unheard.command('guest-ping', {}, 7000).catch(toHostError));
      return [first, second].map(({ result, tookMs }) => [
        tookMs,
        result instanceof HostError && result.reason,
      ]);
    },
  },
  'the use of a host': {
    expected: [0, 250, 1250],
    run: async ({ time, clock, directory }) => {
      const use = new HostUse({ clock, override: {}, stateDirectory: directory, proc: directory });
      await writeFile(join(directory, 'meminfo'), 'MemTotal:  1000 kB\nMemAvailable:  400 kB\n');
      const used: number[] = [];
      for (const ticks of [100, 150, 400]) {
        await writeFile(join(directory, 'stat'), `cpu  ${ticks} 0 0 5000 0 0 0 0 0 0\n`);
        used.push((await use.measure([])).used.cpuMillis);
        await time.advance(2000);
      }
      return used;
    },
  },
  'a simulated VM': {
    expected: { age: 4000, tookMs: 6500, isKnown: true },
    run: async ({ time, clock, wrap, directory }) => {
      const driver = createSimulatedDriver({ clock, times: { start: 2500, agent: 4000 } });
      const { result: age, tookMs } = await runToEnd(time, startAndPing(driver, directory));
      // The daemon after this one has nothing but the file.
      const later = createFakeClock();
      const next = createSimulatedDriver({ clock: wrap(later) });
      await later.advance(tookMs);
      const found = await next.inspect(UUID, directory);
      return { age, tookMs, isKnown: Math.abs((found?.runningForMs ?? 0) - 4000) < 5_000 };
    },
  },
};

async function startAndPing(driver: ReturnType<typeof createSimulatedDriver>, directory: string) {
  await driver.start({
    ...{ uuid: UUID, domain: 'default.web-0', directory, vcpus: 1, memoryBytes: 1 },
    network: { mode: 'user', mac: '52:00:00:00:00:01', forwards: [] },
  } as unknown as VmSpec);
  await driver.guest(UUID, directory).ping(60_000);
  return (await driver.inspect(UUID, directory))?.runningForMs;
}

/** Of an appliance whose service does not answer, and whose agent is played. */
function agentScope(clock: Clock, ping: () => Promise<void>, runningForMs?: number): Scope {
  const startedAt = instant(clock.now());
  const age = runningForMs === undefined ? {} : { runningForMs };
  const host = {
    clock,
    pace: PACE,
    log: pino({ level: 'silent' }),
    guestWork: createAgentWork(),
    driver: {
      inspect: async () => ({ uuid: UUID, state: 'Running', startedAt, ...age }),
      prober: {
        http: () => Promise.reject(new Error('nothing listens')),
        route: async () => ({ device: 'lo' }),
      },
      consoleTail: async () => '',
      destroy: async () => undefined,
    },
  } as unknown as HostServices;
  const desired = {
    ...desiredAppliance(),
    network: { mode: 'user', ports: [{ name: 'http', guestPort: 80 }] },
    service: {
      name: 'web',
      container: { type: 'static-site', port: 80 },
      package: { kind: 'files', files: { 'index.html': 'aGk=' } },
      parameters: {},
    },
    agentTimeoutSeconds: 7,
  };
  const record = new RecordKeeper({
    initial: { ...emptyRecord, ports: { http: 2000 } },
    write: async () => undefined,
    onError: () => undefined,
  });
  const guest = { ping, exec: async () => ({ exitCode: 0, stdout: 'boot\n', stderr: '' }) };
  return { host, desired, directory: { path: '/nowhere' }, record, guest } as unknown as Scope;
}

/** How long a VM is left alone each time that it ends, having run this long. */
async function pausesAfter(wrap: (clock: Clock) => Clock, runsMs: readonly number[]) {
  const bed = new RunnerBed(wrap);
  const context = bed.context();
  const scope = agentScope(bed.host.clock, async () => undefined);
  const pauses: number[] = [];
  for (const ranMs of runsMs) {
    bed.vm = { uuid: UUID, state: 'Running', startedAt: instant(bed.host.clock.now()) };
    await context.facts.observe();
    await bed.clock.advance(ranMs);
    bed.vm = { uuid: UUID, state: 'Crashed' };
    await context.facts.observe();
    const error = new HostError('Broken', 'it is broken');
    const ended = handle({ name: 'vmEnded', scope, error }, context, never);
    pauses.push((await runToEnd(bed.clock, ended)).tookMs);
  }
  return pauses;
}

async function resultOf({ run }: Scenario, wrap: (clock: Clock) => Clock) {
  const directory = await mkdtemp(join(tmpdir(), 'coppice-clock-'));
  try {
    const time = createFakeClock();
    return await run({ time, clock: wrap(time), wrap, directory });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

describe('a wall clock that jumps an hour ahead and back at every reading changes nothing of', () => {
  it.each(Object.entries(scenarios))('%s', async (_, scenario) => {
    expect(await resultOf(scenario, (clock) => clock)).toEqual(scenario.expected);
    expect(await resultOf(scenario, jumpingClock)).toEqual(scenario.expected);
  });
});
