import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { HostApiError } from '../../src/host/client.ts';
import type { SealStatus } from '../../src/host/protocol.ts';
import { cachesOf } from '../../test/builders/caches.ts';
import { anAppliance, anImportedTemplate, aTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aView, LAYER } from '../../test/builders/reports.ts';
import type { OperatorContext } from '../context.ts';
import type { HostView } from '../daemons/view.ts';
import { obstacleOf } from '../obstacles/obstacle.ts';
import { seal, sealObstacle, withParent } from './seal.ts';

const signal = new AbortController().signal;
const UID = 'template-uid';
const appliance = anAppliance({ metadata: { name: 'web-0', uid: 'web-uid' }, spec: { hostName: 'host-a' } });
const template = aTemplate({
  metadata: { name: 'golden', uid: UID },
  spec: { source: { appliance: { name: 'web-0', uid: 'web-uid' } } },
});
const aSeal = (change: Partial<SealStatus> = {}): SealStatus => ({
  uuid: UID,
  appliance: 'web-uid',
  state: 'Sealing',
  ...change,
});

function world(views: readonly HostView[], appliances = [appliance], templates: readonly Template[] = []) {
  const calls: string[] = [];
  const daemonOf = (host: string) => ({
    putSeal: async (uuid: string, desired: object) =>
      void calls.push(`${host}: PUT ${uuid} ${JSON.stringify(desired)}`),
    deleteSeal: async (uuid: string) => void calls.push(`${host}: DELETE ${uuid}`),
  });
  const context = {
    caches: cachesOf({ appliances, templates }),
    views: { list: () => views, get: (name: string) => views.find((view) => view.name === name) },
    links: { client: daemonOf },
  } as unknown as OperatorContext;
  return { context, calls };
}

const reporting = (seals: SealStatus[] | undefined, sealed: readonly SealStatus[] = []) => {
  const { seals: _, ...old } = aHostReport();
  return aView({ status: seals === undefined ? old : { ...old, seals }, sealed });
};

describe('a template that is made of an appliance', () => {
  it("is asked for on that appliance's host", async () => {
    const { context, calls } = world([reporting([])]);
    await seal(context, template, signal);
    expect(calls).toEqual([`host-a: PUT ${UID} {"kind":"appliance","appliance":"web-uid"}`]);
  });

  it('says what the host has against it, and whether that passes', async () => {
    const refusing = async (status: number, reason: string) => {
      const { context } = world([reporting([])]);
      const putSeal = () => Promise.reject(new HostApiError(status, { reason, message: 'no space' }));
      const links = { client: () => ({ putSeal }) };
      return await seal({ ...context, links } as unknown as OperatorContext, template, signal).catch(
        obstacleOf,
      );
    };
    const message = 'host host-a cannot seal the disk of appliance default/web-0: no space';
    expect(await refusing(507, 'DiskFull')).toEqual({ reason: 'DiskFull', message, isStalled: false });
    expect(await refusing(409, 'Immutable')).toMatchObject({ reason: 'Immutable', isStalled: true });
    expect(await refusing(0, 'HostUnreachable')).toBeUndefined();
  });

  it("stands on none, not even on its appliance's template, when it is to be flat", async () => {
    const appliance = { name: 'web-0', uid: 'web-uid', flat: true };
    const flat = { ...template, spec: { ...template.spec, source: { appliance } } };
    const { context, calls } = world([reporting([])]);
    await seal(context, flat, signal);
    expect(calls).toEqual([`host-a: PUT ${UID} {"kind":"appliance","appliance":"web-uid","flat":true}`]);
    expect(withParent(flat, context.caches).status?.parent).toBeUndefined();
  });

  it('is not asked for while a host works on it, and forgotten there once its layer is in its status', async () => {
    const ready = aSeal({ state: 'Ready', identity: 'a'.repeat(64) });
    const { context, calls } = world([reporting([], [ready])]);
    await seal(context, template, signal);
    expect(calls).toEqual([]);
    const known = { ...template, status: { layers: { disk: 'a'.repeat(64) } } };
    await seal(context, known, signal);
    expect(calls).toEqual([`host-a: DELETE ${UID}`]);
  });

  it("has its appliance's template as parent, also when the appliance is gone", () => {
    const { context } = world([]);
    const parent = { namespace: 'default', name: appliance.spec.template.name };
    const known = withParent(template, context.caches);
    expect(known.status?.parent).toEqual(parent);
    expect(withParent(known, world([], []).context.caches).status?.parent).toEqual(parent);
  });

  it.each<[string, readonly HostView[], (typeof appliance)[], string, RegExp]>([
    ['gone', [reporting([])], [], 'ApplianceGone', /appliance default\/web-0 does not exist/],
    [
      'another one of its name',
      [reporting([])],
      [anAppliance({ metadata: { name: 'web-0', uid: 'later' }, spec: { hostName: 'host-a' } })],
      'ApplianceGone',
      /does not exist/,
    ],
    [
      'not placed',
      [reporting([])],
      [anAppliance({ metadata: { name: 'web-0', uid: 'web-uid' } })],
      'Sealing',
      /no host yet/,
    ],
    ['on a host that is away', [], [appliance], 'HostUnreachable', /host host-a, .* does not answer/],
    ['on a host that is too old', [reporting(undefined)], [appliance], 'DaemonTooOld', /upgrade it/],
    ['on a host that will be asked', [reporting([])], [appliance], 'Sealing', /is asked/],
    [
      'being sealed',
      [reporting([], [aSeal({ doneBytes: 1, totalBytes: 3 })])],
      [appliance],
      'Sealing',
      /reads and names the content .* \(33 %\)/,
    ],
    [
      'not to be sealed now',
      [reporting([], [aSeal({ problem: { reason: 'DiskFull', message: 'no space' } })])],
      [appliance],
      'DiskFull',
      /host host-a cannot seal .*: no space/,
    ],
  ])('says why its layer is not there: the appliance is %s', (_, views, appliances, reason, message) => {
    expect(sealObstacle(template, world(views, appliances).context)).toMatchObject({
      reason,
      message: expect.stringMatching(message),
    });
  });

  it('has no obstacle once its status has the layer, of which a host may tell later than of the seal', () => {
    const { context } = world([reporting([], [aSeal({ state: 'Ready' })])]);
    expect(sealObstacle(template, context)).toMatchObject({ reason: 'Sealing', isStalled: false });
    const known = { ...template, status: { layers: { disk: 'a'.repeat(64) } } };
    expect(sealObstacle(known, world([reporting([])]).context)).toBeUndefined();
  });
});

describe('a template that has all layers of another one in one', () => {
  const of = (name: string, namespace?: string) =>
    aTemplate({
      metadata: { name: 'flat', uid: UID },
      spec: { source: { flattened: { name, ...(namespace === undefined ? {} : { namespace }) } } },
    });
  const deep = anImportedTemplate({ metadata: { name: 'deep' } });
  const has = (name: string, state: 'Ready' | 'Fetching') =>
    aView({ name, status: { ...aHostReport(), seals: [] }, holds: [aLayer({ state })] });

  it('is made on a host that has those layers', async () => {
    const { context, calls } = world([has('host-a', 'Fetching'), has('host-b', 'Ready')], [], [deep]);
    await seal(context, of('deep'), signal);
    expect(calls).toEqual([`host-b: PUT ${UID} {"kind":"layers","disk":"${LAYER}"}`]);
  });

  it('says what it waits for', () => {
    const reasonOf = (template: ReturnType<typeof of>, views: readonly HostView[] = []) =>
      sealObstacle(template, world(views, [], [deep]).context)?.message;
    expect(reasonOf(of('nobody'))).toMatch(/template default\/nobody does not exist: create it/);
    const hidden = { ...deep, metadata: { ...deep.metadata, namespace: 'other' } };
    const { context } = world([], [], [hidden]);
    expect(sealObstacle(of('deep', 'other'), context)?.message).toMatch(
      /or is not shared with namespace default/,
    );
    expect(reasonOf(of('deep'))).toMatch(/no connected host has all layers of template default\/deep/);
    expect(reasonOf(of('deep'), [has('host-b', 'Ready')])).toMatch(
      /host host-b is asked .* template default\/deep/,
    );
  });
});
