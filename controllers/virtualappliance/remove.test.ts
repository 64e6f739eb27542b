import { describe, expect, it } from 'vitest';
import type { Host, IPLease, VirtualAppliance } from '../../src/api/kinds.ts';
import type { ResourceRef } from '../../src/base/object.ts';
import type { ApplianceStatus } from '../../src/host/protocol.ts';
import { aHost, aLease, anAppliance } from '../../test/builders/objects.ts';
import { aReport } from '../../test/builders/reports.ts';
import type { OperatorContext } from '../context.ts';
import { HostViews } from '../daemons/view.ts';
import { remove } from './remove.ts';

interface Given {
  readonly host?: Host;
  readonly isConnected?: boolean;
  /** What the daemon answers to the deletion. */
  readonly left?: ApplianceStatus;
  readonly annotations?: Record<string, string>;
  readonly hostName?: string;
  /** Leases that the appliance has; it is in mode Bridge then. */
  readonly leases?: readonly IPLease[];
}

async function removing({ host, isConnected = true, left, annotations, hostName, leases = [] }: Given) {
  const calls: string[] = [];
  const views = new HostViews();
  views.open('host-a', 0);
  if (isConnected) views.setLink('host-a', { state: 'connected' });
  const daemon = {
    deleteAppliance: async (uuid: string) => {
      calls.push(`delete ${uuid}`);
      return left;
    },
  };
  const context = {
    views,
    caches: { hosts: { get: () => host } },
    links: { client: () => daemon },
    recorder: { record: (_about: unknown, { reason }: { reason: string }) => calls.push(`event ${reason}`) },
    client: {
      patch: async (
        ref: ResourceRef,
        _name: unknown,
        { metadata }: { metadata: { finalizers: string[] } },
      ) => {
        const what = ref.kind === 'IPLease' ? 'lease ' : '';
        calls.push(`${what}finalizers [${metadata.finalizers.join(', ')}]`);
        return leases[0];
      },
      list: async () => ({ items: leases, resourceVersion: '1' }),
      delete: async (_ref: unknown, { name }: { name: string }) => calls.push(`delete lease ${name}`),
    },
  } as unknown as OperatorContext;
  const appliance: VirtualAppliance = anAppliance({
    metadata: {
      finalizers: ['coppice.dev/appliance'],
      deletionTimestamp: '2026-01-01T00:00:00Z',
      annotations: annotations ?? {},
    },
    spec: {
      ...(hostName === undefined ? {} : { hostName }),
      network: leases.length > 0 ? { pool: 'lan' } : {},
    },
  });
  return { removal: await remove(context, appliance, new AbortController().signal), calls };
}

const bound = { host: aHost(), hostName: 'host-a' };
const force = { 'coppice.dev/force-delete': 'true' };

describe('the removal of an appliance', () => {
  it('is done at once when no host ever had it', async () => {
    expect(await removing({})).toEqual({ removal: { type: 'gone' }, calls: ['finalizers []'] });
  });

  it('removes the finalizer only after the host confirms that nothing is left', async () => {
    expect(await removing(bound)).toEqual({
      removal: { type: 'gone' },
      calls: ['delete uid-web-0', 'finalizers []'],
    });
    const going = await removing({ ...bound, left: aReport({ deleting: true }) });
    expect(going).toMatchObject({
      removal: { type: 'waiting', obstacle: { reason: 'Deleting' } },
      calls: ['delete uid-web-0'],
    });
  });

  it('releases the address between the two', async () => {
    const leases = [aLease('10.0.8.10')];
    expect(await removing({ ...bound, leases })).toEqual({
      removal: { type: 'gone' },
      calls: ['delete uid-web-0', 'lease finalizers []', 'delete lease 10.0.8.10', 'finalizers []'],
    });
    const going = await removing({ ...bound, leases, left: aReport({ deleting: true }) });
    expect(going.calls, 'while the VM may live').toEqual(['delete uid-web-0']);
    const forced = await removing({ ...bound, leases, isConnected: false, annotations: force });
    expect(forced.calls, 'of a VM that may live').toEqual(['event ForceDeleted', 'finalizers []']);
  });

  it("shows the host's problem with it", async () => {
    const problem = { reason: 'VMStuck', message: 'the VM does not stop' };
    const { removal } = await removing({ ...bound, left: aReport({ problem }) });
    expect(removal).toEqual({ type: 'waiting', obstacle: { ...problem, isStalled: false } });
  });

  it.each([
    ['does not answer', { ...bound, isConnected: false }, 'HostUnreachable'],
    ['is not registered', { hostName: 'host-a', isConnected: false }, 'HostNotFound'],
  ])('waits for a host that %s, unless it is forced', async (_name, given, reason) => {
    const { removal, calls } = await removing(given);
    expect(removal).toMatchObject({
      type: 'waiting',
      obstacle: { reason, message: expect.stringContaining('force-delete') },
    });
    expect(calls).toEqual([]);
    expect(await removing({ ...given, annotations: force })).toEqual({
      removal: { type: 'gone' },
      calls: ['event ForceDeleted', 'finalizers []'],
    });
  });

  it('asks a host that answers, even when it is forced', async () => {
    expect((await removing({ ...bound, annotations: force })).calls).toEqual([
      'delete uid-web-0',
      'finalizers []',
    ]);
  });
});
