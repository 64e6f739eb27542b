import { describe, expect, it } from 'vitest';
import { HostApiError } from '../../src/host/client.ts';
import { anAppliance, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aReport, aView } from '../../test/builders/reports.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { PutLedger } from '../daemons/put-ledger.ts';
import type { HostView } from '../daemons/view.ts';
import { desiredOf } from './describe-vm.ts';
import type { LatePackage } from './scope.ts';
import { send } from './send-to-host.ts';

const desired = desiredOf(anAppliance(), aTemplate(), undefined);
const holding = aView({ holds: [aLayer()], runs: [aReport()] });

function setUp(fail: (call: string) => void = () => undefined) {
  const calls: string[] = [];
  const packages: unknown[] = [];
  const note = (call: string) => {
    fail(call);
    calls.push(call);
  };
  const refuse = () => Promise.reject(new Error('not part of this test'));
  const daemon: Daemon = {
    putLayer: async () => {
      note('layer');
      return aLayer();
    },
    putAppliance: async ({ service }) => {
      note('appliance');
      packages.push(service.package);
      return aReport();
    },
    getHost: refuse,
    listAppliances: refuse,
    deleteAppliance: refuse,
    deleteLayer: refuse,
    events: () => {
      throw new Error('not part of this test');
    },
    close: async () => undefined,
  };
  const ledger = new PutLedger();
  const sendTo = async (view: HostView, what: Parameters<typeof send>[3] = desired) => {
    const before = calls.length;
    await send(daemon, view, ledger, what, new AbortController().signal);
    return calls.slice(before);
  };
  return { sendTo, packages };
}

/** Packages whose one file says which version of the ConfigMap was read. */
function aConfigMap() {
  const reads: string[] = [];
  const late = (known: string, current: string): LatePackage => ({
    version: known,
    read: async () => {
      reads.push(current);
      return { version: current, value: { kind: 'files', files: { a: current } } };
    },
  });
  return { reads, late };
}

describe('sending', () => {
  it('sends the layers first, and nothing twice', async () => {
    const { sendTo } = setUp();
    expect(await sendTo(aView())).toEqual(['layer', 'appliance']);
    expect(await sendTo(holding)).toEqual([]);
  });

  it('sends again what the host does not have, has in an older version, or lost in a restart of its daemon', async () => {
    const { sendTo } = setUp();
    await sendTo(holding);
    expect(await sendTo(aView({ holds: [aLayer()] }))).toEqual(['appliance']);
    expect(await sendTo(aView({ runs: [aReport()] }))).toEqual(['layer']);
    expect(await sendTo(aView({ holds: [aLayer()], runs: [aReport({ generation: 0 })] }))).toEqual([
      'appliance',
    ]);
    const restarted = aView({
      holds: [aLayer()],
      runs: [aReport()],
      status: aHostReport({ startedAt: '2026-02-02T00:00:00.000Z' }),
    });
    expect(await sendTo(restarted)).toEqual(['layer', 'appliance']);
  });

  it('sends a change without a new generation: another package', async () => {
    const { sendTo } = setUp();
    await sendTo(holding);
    const other = desiredOf(anAppliance(), aTemplate(), { kind: 'files', files: { a: 'YQ==' } });
    expect(await sendTo(holding, other)).toEqual(['appliance']);
  });

  it('reads a ConfigMap only to send it, and sends what it read', async () => {
    const { sendTo, packages } = setUp();
    const { reads, late } = aConfigMap();
    expect(await sendTo(aView(), { ...desired, late: late('1', '1') })).toEqual(['layer', 'appliance']);
    expect(await sendTo(holding, { ...desired, late: late('1', '1') })).toEqual([]);
    expect(await sendTo(holding, { ...desired, late: late('2', '2') })).toEqual(['appliance']);
    expect(reads).toEqual(['1', '2']);
    expect(packages).toEqual(['1', '2'].map((version) => ({ kind: 'files', files: { a: version } })));
  });

  it('does not send twice what it read before the cache showed it', async () => {
    const { sendTo } = setUp();
    const { reads, late } = aConfigMap();
    expect(await sendTo(holding, { ...desired, late: late('1', '2') })).toContain('appliance');
    expect(await sendTo(holding, { ...desired, late: late('1', '2') })).toEqual([]);
    expect(await sendTo(holding, { ...desired, late: late('2', '2') })).toEqual([]);
    expect(reads).toEqual(['2', '2']);
  });

  it('reads a ConfigMap again that could not be read, or not be sent', async () => {
    let isBroken = true;
    const { sendTo } = setUp((call) => {
      if (isBroken && call === 'appliance')
        throw new HostApiError(0, { reason: 'HostUnreachable', message: 'away' });
    });
    const { reads, late } = aConfigMap();
    const unreadable = { version: '1', read: () => Promise.reject(new Error('not now')) };
    await expect(sendTo(holding, { ...desired, late: unreadable })).rejects.toThrow('not now');
    await expect(sendTo(holding, { ...desired, late: late('1', '1') })).rejects.toThrow('away');
    isBroken = false;
    expect(await sendTo(holding, { ...desired, late: late('1', '1') })).toEqual(['appliance']);
    expect(reads).toEqual(['1', '1']);
  });

  it('sends a layer once, however many appliances need it at the same time', async () => {
    const { sendTo } = setUp();
    const others = ['web-1', 'web-2'].map((name) =>
      desiredOf(anAppliance({ metadata: { name } }), aTemplate(), undefined),
    );
    const [calls] = await Promise.all([desired, ...others].map((one) => sendTo(aView(), one)));
    expect(calls?.filter((call) => call === 'layer')).toEqual(['layer']);
  });

  it('continues where it failed', async () => {
    let isBroken = true;
    const { sendTo } = setUp((call) => {
      if (isBroken && call === 'appliance')
        throw new HostApiError(0, { reason: 'HostUnreachable', message: 'away' });
    });
    await expect(sendTo(aView())).rejects.toThrow('away');
    isBroken = false;
    expect(await sendTo(aView({ holds: [aLayer()] }))).toEqual(['appliance']);
  });
});
