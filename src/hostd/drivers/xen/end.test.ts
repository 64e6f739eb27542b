import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeHost } from './testing/fake-host.ts';
import { changeState, readState } from './xl/testing/fake-xl.ts';

let xen: FakeHost;
beforeEach(async () => {
  xen = await FakeHost.make();
});
afterEach(() => xen.close());

describe('the end of a VM under Xen', () => {
  it('is recorded when the guest powers off, and its domain is removed', async () => {
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 30_000)).toBe(true);
    expect(readState(xen.root)).toMatchObject({
      domains: [],
      done: expect.arrayContaining(['shutdown -F 1']),
    });
    expect(await xen.state()).toBe('Stopped');
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 1000)).toBe(true);
  });

  it('is not waited for beyond the time limit when the guest does not react; destroy still works', async () => {
    xen.plan('deaf');
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 100)).toBe(false);
    expect(await xen.state()).toBe('Running');
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(readState(xen.root)).toMatchObject({ domains: [], done: expect.arrayContaining(['destroy 1']) });
    expect(await xen.state()).toBeUndefined();
  });

  it('is recorded when the guest ends before xl gets its acknowledgement', async () => {
    xen.plan('hasty');
    await xen.driver.start(xen.vm);
    expect(await xen.driver.shutdown(xen.vm.uuid, xen.vm.directory, 3000)).toBe(true);
    expect(await xen.state()).toBe('Stopped');
  });

  it('differs from a crash, and from a domain that disappeared with its host', async () => {
    await xen.driver.start(xen.vm);
    changeState(xen.root, { domains: [xen.aDomain({ id: 1, state: '---s--' })] });
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Stopped',
      remains: true,
    });
    changeState(xen.root, { domains: [xen.aDomain({ id: 1, state: '---sc-' })] });
    xen.later();
    expect(await xen.driver.inspect(xen.vm.uuid, xen.vm.directory)).toMatchObject({
      state: 'Crashed',
      problem: { reason: 'GuestPanicked' },
    });
    changeState(xen.root, { domains: [] });
    xen.later();
    expect(await xen.state()).toBe('Crashed');
    await xen.driver.destroy(xen.vm.uuid, xen.vm.directory);
    expect(await xen.state()).toBeUndefined();
  });
});
