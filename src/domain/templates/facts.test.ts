import { describe, expect, it } from 'vitest';
import { aTemplate } from '../../../test/builders/objects.ts';
import type { Template } from '../../api/kinds.ts';
import { factLabels, factsOf } from './facts.ts';

const facts = (change: Parameters<typeof aTemplate>[0] = {}) =>
  Object.fromEntries(factLabels(factsOf(aTemplate(change))));
const sized = (virtualSize: string) =>
  facts({ status: { virtualSize } as Template['status'] })['virtual-size-up-to'];

describe('the facts about a template', () => {
  it('are what its spec and status say', () => {
    expect(
      facts({
        spec: {
          series: 'debian',
          version: '12.7',
          guest: { os: 'linux', agent: 'qemu-guest-agent', minimumMemory: '128Mi' },
          container: { type: 'static-site', name: 'web', port: 8080, scheme: 'http' },
        },
        status: { depth: 2, virtualSize: '1536Mi' },
      }),
    ).toEqual({
      series: 'debian',
      version: '12.7',
      os: 'linux',
      boot: 'disk',
      init: 'none',
      'network-setup': 'agent',
      'xen-type': 'HVM',
      'minimum-memory': '128Mi',
      container: 'static-site',
      'container-name': 'web',
      port: '8080',
      depth: '2',
      'virtual-size-up-to': '2Gi',
    });
  });

  it('leave out what is unknown, and what no label can hold', () => {
    expect(facts()).toEqual({
      os: 'linux',
      boot: 'disk',
      init: 'none',
      'network-setup': 'agent',
      'xen-type': 'HVM',
      container: 'static-site',
      port: '80',
    });
    expect(facts({ spec: { series: 'debian', version: '1.0~rc1+b2' } }).version).toBeUndefined();
  });

  it('say what starts the guest and sets it up', () => {
    const guest = { os: 'linux', agent: 'qemu-guest-agent', firmware: 'uefi', init: 'cloud-init' } as const;
    expect(facts({ spec: { guest } })).toMatchObject({
      firmware: 'uefi',
      init: 'cloud-init',
      'network-setup': 'cloud-init',
    });
  });

  it.each([
    ['1', '1Mi'],
    ['1Mi', '1Mi'],
    ['64Mi', '64Mi'],
    ['65Mi', '128Mi'],
    ['2Gi', '2Gi'],
    ['2147483649', '4Gi'],
    ['many', undefined],
  ])('put a disk of %s among those up to %s', (size, expected) => expect(sized(size)).toBe(expected));
});
