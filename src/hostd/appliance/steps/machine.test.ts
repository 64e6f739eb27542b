import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../../base/testing/fake-clock.ts';
import { runToEnd } from '../../../base/testing/run-to-end.ts';
import type { DesiredAppliance } from '../../../host/protocol.ts';
import { HostError, hostErrors } from '../../errors/index.ts';
import type { Guest } from '../../guest/guest.ts';
import { READ_INSTALLED } from '../../guest/installed.ts';
import type { Scope } from '../scope.ts';
import { UUID } from '../testing/runner-bed.ts';
import { bedWith } from '../testing/step-bed.ts';
import { agentStep, startStep, vmSpecOf } from './machine.ts';

const never = new AbortController().signal;

describe('the start of a VM', () => {
  it.each([
    ['that panicked', { state: 'Crashed', remains: true }, ['destroy', 'ports', 'start']],
    ['that shut down and is still there', { state: 'Stopped', remains: true }, ['destroy', 'ports', 'start']],
    ['that was killed', { state: 'Crashed' }, ['ports', 'start']],
    ['that shut down', { state: 'Stopped' }, ['ports', 'start']],
    ['that is paused', { state: 'Paused' }, ['start']],
    ['that is gone', undefined, ['ports', 'start']],
  ] as const)('%s', async (_, found, expected) => {
    const { scope, calls } = bedWith(found);
    const step = startStep(scope);
    expect(await step.isDone(never)).toBe(false);
    await step.run(never);
    expect(calls).toEqual(expected);
  });
});

it('a VM boots by what its template names, else by what its disk has', () => {
  const { scope } = bedWith(undefined);
  const bootOf = (boot: DesiredAppliance['boot']) =>
    vmSpecOf({ ...scope, desired: { ...scope.desired, boot } }).boot;
  expect(bootOf({ kind: 'firmware' })).toEqual({ kind: 'firmware', firmware: 'uefi' });
  expect(bootOf({ kind: 'firmware', firmware: 'bios' })).toEqual({ kind: 'firmware', firmware: 'bios' });
});

describe('the agent of a VM', () => {
  const OTHER = '9f8b1c52-0f0e-4a53-9c65-0d5a0b4b7d11';
  /** The step, and what it asked the guest, whose kernel tells these uuids. */
  const asked = (...uuids: readonly string[]) => {
    const { scope } = bedWith({ state: 'Running' });
    const questions: string[] = [];
    const guest = {
      ping: async () => void questions.push('ping'),
      exec: async (argv: readonly string[]) => {
        questions.push(argv[3] ?? '');
        return { exitCode: 0, stdout: `${['boot', ...uuids].join(' ')}\n{"service":"x"}\n`, stderr: '' };
      },
    };
    const withGuest: Scope = { ...scope, guest: guest as unknown as Guest };
    return { step: agentStep(withGuest), scope: withGuest, questions };
  };

  it.each([
    ['of its own', [UUID]],
    ['that cannot tell', []],
  ])('%s is asked once who it is, together with what is installed', async (_, uuids) => {
    const { step, scope, questions } = asked(...uuids);
    expect(await step.isDone(never)).toBe(true);
    await step.run(never);
    expect(questions).toEqual(['ping', READ_INSTALLED, 'ping']);
    expect(scope.installed).toMatchObject({ bootId: 'boot', service: 'x' });
  });

  it('of another guest is refused', async () => {
    const refused = { reason: 'WrongGuest', message: expect.stringContaining(`${OTHER}, and not ${UUID}`) };
    const { step, scope } = asked(OTHER);
    expect(await step.isDone(never)).toBe(false);
    await expect(step.run(never)).rejects.toMatchObject(refused);
    expect(scope.installed).toBeUndefined();
  });
});

describe('an agent that stays silent', () => {
  /** Seconds after which the VM is given up, and what is said then. */
  const givenUp = async (change: Partial<DesiredAppliance>, agentAnswered?: boolean) => {
    const { scope, calls } = bedWith({ state: 'Running' }, { consoleTail: async () => 'a login prompt' });
    const clock = createFakeClock();
    const guest = { ping: () => Promise.reject(hostErrors.agentUnavailable('no answer')) };
    if (agentAnswered !== undefined) scope.record.update({ agentAnswered });
    const silent = {
      ...scope,
      host: { ...scope.host, clock, guestWork: { describe: async () => ({ kind: 'none' }) } },
      desired: { ...scope.desired, agentTimeoutSeconds: 10, ...change },
      guest: guest as unknown as Guest,
    } as unknown as Scope;
    const prober = { http: () => Promise.reject(new Error('refused')) };
    Reflect.set(silent.host.driver, 'prober', prober);
    const error = await runToEnd(clock, agentStep(silent).run(never)).catch((caught: HostError) => caught);
    expect(calls).toContain('destroy');
    return [Math.floor(clock.monotonic() / 1000), error instanceof HostError ? error.message : ''] as const;
  };
  const cloudInit = { sshAuthorizedKeys: [], agentPackages: [] };

  it('has three times as long in a first boot that installs it, and cloud-init is named', async () => {
    expect(await givenUp({})).toEqual([10, expect.not.stringContaining('cloud-init')]);
    const words =
      /within 30 s .*cloud-init installs it, and tells the console why it could not.*a login prompt/s;
    expect(await givenUp({ cloudInit })).toEqual([30, expect.stringMatching(words)]);
    expect(await givenUp({ cloudInit }, true)).toEqual([10, expect.stringMatching(/within 10 s/)]);
  });
});
