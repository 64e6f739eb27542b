import { describe, expect, it } from 'vitest';
import { hostErrors } from '../../errors/index.ts';
import { bedWith } from '../testing/step-bed.ts';
import { stopStep } from './stop.ts';

const never = new AbortController().signal;

describe('the stop of a VM', () => {
  it('ends one whose guest cannot be asked, because its hypervisor hangs', async () => {
    const shutdown = () => Promise.reject(hostErrors.hypervisorSilent('QEMU', new Error('no answer')));
    const { scope, calls } = bedWith({ state: 'Running' }, { shutdown });
    await stopStep(scope).run(never);
    expect(calls).toEqual(['destroy']);
  });

  it.each([
    ['does not in time', false, expect.stringMatching(/within 30 s.*loss of power/)],
    ['does', true, undefined],
  ])('tells of a guest that is to shut itself down, and %s', async (_, isOff, note) => {
    const step = stopStep(bedWith({ state: 'Running' }, { shutdown: async () => isOff }).scope);
    await step.run(never);
    expect(step.note?.()).toEqual(note);
  });

  it('fails for one that cannot be ended', async () => {
    const destroy = () => Promise.reject(hostErrors.vmNotEnding('QEMU', 'web-0', 1));
    const { scope } = bedWith({ state: 'Running' }, { shutdown: async () => false, destroy });
    await expect(stopStep(scope).run(never)).rejects.toMatchObject({ reason: 'VMNotEnding' });
  });

  it('lets a suspended one go on before, so that its guest can shut itself down', async () => {
    const shutdown = async () => {
      calls.push('shutdown');
      return true;
    };
    const { scope, calls } = bedWith({ state: 'Suspended' }, { shutdown });
    const step = stopStep(scope);
    expect(await step.isDone(never)).toBe(false);
    await step.run(never);
    expect(calls).toEqual(['ports', 'start', 'shutdown', 'destroy']);
    expect(step.note?.()).toBeUndefined();
  });

  it('leaves a suspended one as it is when something else is in the way', async () => {
    const start = () => Promise.reject(hostErrors.portInUse(25_000, 'nginx'));
    const { scope, calls } = bedWith({ state: 'Suspended' }, { start });
    await expect(stopStep(scope).run(never)).rejects.toMatchObject({ reason: 'PortInUse' });
    expect(calls).toEqual(['ports']);
  });

  it('gives up the memory of a suspended one that cannot go on, and says so', async () => {
    const start = () => Promise.reject(hostErrors.resumeUnfit('default.web-0', 'QEMU was 7.2, here 9.0'));
    const discard = async () => void calls.push('discard');
    const change = {
      start,
      shutdown: async () => true,
      suspensions: { suspend: async () => undefined, discard },
    };
    const { scope, calls } = bedWith({ state: 'Suspended' }, change);
    const step = stopStep(scope);
    await step.run(never);
    expect(calls).toEqual(['ports', 'discard', 'destroy']);
    expect(step.note?.()).toMatch(/memory is given up.*loss of power.*QEMU was 7.2/);
  });
});
