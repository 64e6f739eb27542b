import { describe, expect, it } from 'vitest';
import { HostApiError } from '../../src/host/client.ts';
import { anAppliance, anImportedTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aReport, aView, LAYER } from '../../test/builders/reports.ts';
import type { Daemon } from '../daemons/daemon.ts';
import { PutLedger } from '../daemons/put-ledger.ts';
import type { HostView } from '../daemons/view.ts';
import { desiredOf } from './describe-vm.ts';
import type { LatePackage, Scope } from './scope.ts';
import { send, sendToHost } from './send-to-host.ts';

const desired = desiredOf(anAppliance(), anImportedTemplate(), undefined);
const holding = aView({ runs: [aReport()] });
const refuse = () => Promise.reject(new Error('not part of this test'));

function setUp(fail: (call: string) => void = () => undefined) {
  const calls: string[] = [];
  const packages: unknown[] = [];
  const userData: unknown[] = [];
  const note = (call: string) => {
    fail(call);
    calls.push(call);
  };
  const daemon: Daemon = {
    putAppliance: async ({ service, cloudInit }) => {
      note('appliance');
      packages.push(service.package);
      userData.push(cloudInit?.userData);
      return aReport();
    },
    getHost: refuse,
    listAppliances: refuse,
    deleteAppliance: refuse,
    putImport: refuse,
    deleteImport: refuse,
    putLayer: refuse,
    deleteLayer: refuse,
    verifyLayer: refuse,
    putSeal: refuse,
    deleteSeal: refuse,
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
  return { sendTo, packages, userData };
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
  it('sends nothing twice', async () => {
    const { sendTo } = setUp();
    expect(await sendTo(aView())).toEqual(['appliance']);
    expect(await sendTo(holding)).toEqual([]);
  });

  it('sends again what the host does not have, has in an older version, or lost in a restart of its daemon', async () => {
    const { sendTo } = setUp();
    await sendTo(holding);
    expect(await sendTo(aView())).toEqual(['appliance']);
    expect(await sendTo(aView({ runs: [aReport({ generation: 0 })] }))).toEqual(['appliance']);
    const restarted = aView({
      runs: [aReport()],
      status: aHostReport({ startedAt: '2026-02-02T00:00:00.000Z' }),
    });
    expect(await sendTo(restarted)).toEqual(['appliance']);
  });

  it('sends a change without a new generation: another package', async () => {
    const { sendTo } = setUp();
    await sendTo(holding);
    const other = desiredOf(anAppliance(), anImportedTemplate(), { kind: 'files', files: { a: 'YQ==' } });
    expect(await sendTo(holding, other)).toEqual(['appliance']);
  });

  it('reads a ConfigMap only to send it, and sends what it read', async () => {
    const { sendTo, packages } = setUp();
    const { reads, late } = aConfigMap();
    expect(await sendTo(aView(), { ...desired, late: late('1', '1') })).toEqual(['appliance']);
    expect(await sendTo(holding, { ...desired, late: late('1', '1') })).toEqual([]);
    expect(await sendTo(holding, { ...desired, late: late('2', '2') })).toEqual(['appliance']);
    expect(reads).toEqual(['1', '2']);
    expect(packages).toEqual(['1', '2'].map((version) => ({ kind: 'files', files: { a: version } })));
  });

  it('does not send twice what it read before the cache showed it', async () => {
    const { sendTo } = setUp();
    const { reads, late } = aConfigMap();
    expect(await sendTo(holding, { ...desired, late: late('1', '2') })).toEqual(['appliance']);
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

  it('reads user data only to send it, and sends nothing without it', async () => {
    const { sendTo, userData } = setUp();
    const appliance = { ...desired.appliance, cloudInit: { sshAuthorizedKeys: [], agentPackages: [] } };
    const reading = (readUserData: () => Promise<string>) => ({ appliance, readUserData });
    const unreadable = () => Promise.reject(new Error('not now'));
    await expect(sendTo(aView(), reading(unreadable))).rejects.toThrow('not now');
    expect(
      await sendTo(
        aView(),
        reading(async () => '#!first'),
      ),
    ).toEqual(['appliance']);
    expect(await sendTo(holding, reading(unreadable))).toEqual([]);
    expect(
      await sendTo(
        aView(),
        reading(async () => '#!second'),
      ),
    ).toEqual(['appliance']);
    expect(userData).toEqual(['#!first', '#!second']);
  });

  it('continues where it failed', async () => {
    let isBroken = true;
    const { sendTo } = setUp(() => {
      if (isBroken) throw new HostApiError(0, { reason: 'HostUnreachable', message: 'away' });
    });
    await expect(sendTo(aView())).rejects.toThrow('away');
    isBroken = false;
    expect(await sendTo(aView())).toEqual(['appliance']);
  });
});

describe('the request to a host', () => {
  const kernel = '2'.repeat(64);
  const boot = { kernel: { url: 'https://k', sha256: 'b'.repeat(64) }, commandLine: '' };
  const template = anImportedTemplate({
    spec: { guest: { os: 'linux', agent: 'qemu-guest-agent', boot } },
    status: { layers: { disk: LAYER, kernel } },
  });

  const sending = async (view: HostView, share: () => Promise<boolean>) => {
    const calls: string[] = [];
    const daemon = { putAppliance: async ({ name }: { name: string }) => void calls.push(name) };
    const context = {
      links: { client: () => daemon },
      sharing: {
        share: (identity: string, { name }: HostView) => {
          calls.push(`${identity} on ${name}`);
          return share();
        },
      },
    };
    const scope = {
      ...{ context, view, ledger: new PutLedger(), signal: new AbortController().signal },
      ...{
        appliance: anAppliance(),
        servicePackage: {},
        desired: desiredOf(anAppliance(), template, undefined),
      },
    } as unknown as Scope;
    return { result: await sendToHost(scope).catch((error: Error) => error.message), calls };
  };

  it('comes after that for its layers, also while no host has them', async () => {
    const layers = [`${LAYER} on host-a`, `${kernel} on host-a`];
    for (const isThere of [true, false])
      expect(await sending(aView(), async () => isThere)).toEqual({
        result: { type: 'done' },
        calls: [...layers, 'web-0'],
      });
  });

  it('waits when its host refuses a layer', async () => {
    const { result, calls } = await sending(aView(), refuse);
    expect(result).toBe('not part of this test');
    expect(calls).toEqual([`${LAYER} on host-a`]);
  });

  it('waits for a host that is away', async () => {
    const away = aView({ link: { state: 'connecting', since: 0 } });
    expect(await sending(away, refuse)).toEqual({ result: { type: 'away' }, calls: [] });
  });
});
