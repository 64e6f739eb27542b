import { describe, expect, it } from 'vitest';
import { HostApiError } from '../../src/host/client.ts';
import { anAppliance, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aReport, aView } from '../../test/builders/reports.ts';
import type { Daemon } from '../host/daemon.ts';
import { Puts } from '../host/puts.ts';
import type { HostView } from '../host/view.ts';
import { desiredOf } from './desired.ts';
import { push } from './push.ts';

const desired = desiredOf(anAppliance(), aTemplate(), undefined);
const holding = aView({ holds: [aLayer()], runs: [aReport()] });

function setUp(fail: (call: string) => void = () => undefined) {
  const calls: string[] = [];
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
    putAppliance: async () => {
      note('appliance');
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
  const puts = new Puts();
  const pushTo = async (view: HostView, what = desired) => {
    const before = calls.length;
    await push(daemon, view, puts, what, new AbortController().signal);
    return calls.slice(before);
  };
  return { pushTo };
}

describe('push', () => {
  it('tells a host of the layers first, and nothing twice', async () => {
    const { pushTo } = setUp();
    expect(await pushTo(aView())).toEqual(['layer', 'appliance']);
    expect(await pushTo(holding)).toEqual([]);
  });

  it('tells again what the host does not have, knows older, or was started anew', async () => {
    const { pushTo } = setUp();
    await pushTo(holding);
    expect(await pushTo(aView({ holds: [aLayer()] }))).toEqual(['appliance']);
    expect(await pushTo(aView({ runs: [aReport()] }))).toEqual(['layer']);
    expect(await pushTo(aView({ holds: [aLayer()], runs: [aReport({ generation: 0 })] }))).toEqual([
      'appliance',
    ]);
    const restarted = aView({
      holds: [aLayer()],
      runs: [aReport()],
      status: aHostReport({ startedAt: '2026-02-02T00:00:00.000Z' }),
    });
    expect(await pushTo(restarted)).toEqual(['layer', 'appliance']);
  });

  it('tells of a change that has no generation of its own: another ConfigMap', async () => {
    const { pushTo } = setUp();
    await pushTo(holding);
    const other = desiredOf(anAppliance(), aTemplate(), { kind: 'files', files: { a: 'YQ==' } });
    expect(await pushTo(holding, other)).toEqual(['appliance']);
  });

  it('sends a layer once, however many appliances ask for it at the same time', async () => {
    const { pushTo } = setUp();
    const others = ['web-1', 'web-2'].map((name) =>
      desiredOf(anAppliance({ metadata: { name } }), aTemplate(), undefined),
    );
    const [calls] = await Promise.all([desired, ...others].map((one) => pushTo(aView(), one)));
    expect(calls?.filter((call) => call === 'layer')).toEqual(['layer']);
  });

  it('goes on where it failed', async () => {
    let isBroken = true;
    const { pushTo } = setUp((call) => {
      if (isBroken && call === 'appliance')
        throw new HostApiError(0, { reason: 'HostUnreachable', message: 'away' });
    });
    await expect(pushTo(aView())).rejects.toThrow('away');
    isBroken = false;
    expect(await pushTo(aView({ holds: [aLayer()] }))).toEqual(['appliance']);
  });
});
