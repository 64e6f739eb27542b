import { describe, expect, it, vi } from 'vitest';
import { settle } from '../../base/testing/fake-clock.ts';
import type { ApplianceStatus, DesiredAppliance } from '../../host/protocol.ts';
import { HostError } from '../errors/index.ts';
import type { ApplianceRunner } from './runner.ts';
import { desiredAppliance, PACE, RunnerBed } from './testing/runner-bed.ts';

type Seen = Pick<ApplianceStatus, 'generation' | 'stateGeneration'> & { readonly problem?: string };

function seen({ generation, stateGeneration, problem }: ApplianceStatus): Seen {
  return { generation, stateGeneration, ...(problem === undefined ? {} : { problem: problem.reason }) };
}

/** A runner that has carried out generation 1, and every different status that it publishes from then on. */
async function settled(): Promise<{ bed: RunnerBed; runner: ApplianceRunner; published: Seen[] }> {
  const bed = new RunnerBed();
  const published: Seen[] = [];
  bed.steps = { Disk: async () => undefined };
  const runner = bed.runner({ onChange: (changed) => published.push(seen(changed.status())) });
  await runner.load();
  runner.start();
  await bed.paused();
  published.length = 0;
  return { bed, runner, published };
}

/** The same generation with other content: a ConfigMap was edited. */
function withOtherContent(): DesiredAppliance {
  const desired = desiredAppliance(1);
  return { ...desired, service: { ...desired.service, package: { kind: 'files', files: { a: 'YQ==' } } } };
}

const broken = new HostError('Broken', 'it is broken');

describe('the generation that the state of an appliance speaks of', () => {
  it('is the earlier one from the moment a change is received until its last step is done', async () => {
    const { bed, runner, published } = await settled();
    expect(seen(runner.status())).toEqual({ generation: 1, stateGeneration: 1 });
    runner.change(desiredAppliance(2));
    expect(published, 'before anything else runs').toEqual([{ generation: 2, stateGeneration: 1 }]);
    await bed.paused();
    expect(seen(runner.status())).toEqual({ generation: 2, stateGeneration: 2 });
    const passed = published.findIndex(({ stateGeneration }) => stateGeneration === 2);
    expect(published.slice(passed).every(({ stateGeneration }) => stateGeneration === 2)).toBe(true);
    await runner.close();
  });

  it('is none of the present content when only the content changed', async () => {
    const { bed, runner, published } = await settled();
    runner.change(withOtherContent());
    expect(published).toEqual([{ generation: 1, stateGeneration: 0 }]);
    await bed.paused();
    expect(seen(runner.status())).toEqual({ generation: 1, stateGeneration: 1 });
    await runner.close();
  });

  it('is the present one once a step failed, together with what is wrong', async () => {
    const { bed, runner, published } = await settled();
    bed.steps = {
      Disk: async () => {
        throw broken;
      },
    };
    runner.change(desiredAppliance(2));
    await bed.paused();
    expect(seen(runner.status())).toEqual({ generation: 2, stateGeneration: 2, problem: 'Broken' });
    expect(published).not.toContainEqual({ generation: 2, stateGeneration: 2 });
    await runner.close();
  });

  it('is the present one when not even the VM could be looked at', async () => {
    const { bed, runner } = await settled();
    bed.inspectError = new Error('no hypervisor');
    runner.change(desiredAppliance(2));
    await bed.paused();
    expect(seen(runner.status())).toEqual({ generation: 2, stateGeneration: 2, problem: 'InternalError' });
    await runner.close();
  });

  it('stays as it was when a second change interrupts the first', async () => {
    const { bed, runner } = await settled();
    bed.steps = { Disk: (signal) => new Promise((_, reject) => signal.addEventListener('abort', reject)) };
    runner.change(desiredAppliance(2));
    runner.change(desiredAppliance(3));
    expect(seen(runner.status())).toEqual({ generation: 3, stateGeneration: 1 });
    await runner.close();
  });

  it.each([
    ['the same', desiredAppliance(1), 1],
    ['a change that was on disk, and not carried out', desiredAppliance(2), 1],
    ['other content of the same generation', withOtherContent(), 0],
  ])('survives the daemon: %s', async (_, desired, expected) => {
    const { bed, runner } = await settled();
    await runner.close();
    bed.files.desired = desired;
    const next = bed.runner();
    await next.load();
    expect(next.status().stateGeneration).toBe(expected);
  });
});

describe('whether the service answers while the declared one does not come up', () => {
  /** A service that has answered, and whose next version fails. */
  async function failing(isSilent: () => boolean) {
    const { bed, runner } = await settled();
    await runner.close();
    bed.probe = async () => {
      if (isSilent()) throw new Error('connection refused');
    };
    bed.files.record = {
      ...bed.files.record,
      ...{ serviceState: 'ServiceAvailable', answers: true, passedProbe: { kind: 'tcp', port: 80 } },
      ports: { service: 20_000 },
    };
    const ports = [{ name: 'service', guestPort: 80 }];
    bed.files.desired = { ...desiredAppliance(2), network: { mode: 'user', ports } };
    bed.steps = {
      Package: async () => {
        throw new HostError('WrongDigest', 'another file', { kind: 'stalled' });
      },
    };
    const next = bed.runner();
    await next.load();
    next.start();
    // Its steps are looked at by a timer, too: that something waits does not mean that they have ended.
    while (next.status().problem === undefined) await settle();
    return { bed, runner: next };
  }

  it('is looked at all the time: it shows within two probes, also that it answers again', async () => {
    let isSilent = false;
    const { bed, runner } = await failing(() => isSilent);
    const state = () => [runner.status().answers, runner.status().problem?.reason];
    await bed.pass(3 * PACE.watchMs);
    expect(state()).toEqual([true, 'WrongDigest']);
    isSilent = true;
    await bed.pass(PACE.watchMs);
    await bed.pass(PACE.pollMs);
    expect(state()).toEqual([false, 'WrongDigest']);
    isSilent = false;
    await bed.pass(PACE.watchMs);
    expect(state()).toEqual([true, 'WrongDigest']);
    await runner.close();
  });

  it('is asked also when the VM cannot be looked at', async () => {
    let isSilent = false;
    const { bed, runner } = await failing(() => isSilent);
    await bed.paused();
    bed.inspectError = new Error('no hypervisor');
    isSilent = true;
    await bed.pass(2 * PACE.watchMs);
    expect(runner.status()).toMatchObject({ answers: false, problem: { reason: 'InternalError' } });
    await runner.close();
  });

  it('is not so of a VM that ended while no daemon ran', async () => {
    const { bed, runner } = await failing(() => false);
    await runner.close();
    bed.vm = undefined;
    const next = bed.runner();
    await next.load();
    expect(next.status()).toMatchObject({ answers: false, serviceState: 'VMUnavailable', accessPoints: [] });
  });

  it('is no longer so when the VM ends, whatever answers at its port then', async () => {
    const { bed, runner } = await failing(() => false);
    await bed.paused();
    bed.vm = { uuid: bed.directory.uuid, state: 'Stopped' };
    await bed.pass(2 * PACE.watchMs);
    // The disk is looked at as well, which takes real time.
    await vi.waitFor(() =>
      expect(runner.status()).toMatchObject({ answers: false, serviceState: 'VMUnavailable' }),
    );
    await bed.pass(2 * PACE.watchMs);
    expect(runner.status().answers).toBe(false);
    await runner.close();
  });
});
