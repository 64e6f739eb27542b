import { describe, expect, it } from 'vitest';
import { placeBatch } from './batch.ts';
import { host, MEBI } from './testing/host.ts';
import type { PlacementHost, PlacementRequest, Refusal } from './types.ts';

function refusalOf(hosts: PlacementHost[], overrides: Partial<PlacementRequest>): Refusal {
  const request = { name: 'va', cpuMillis: 500, memoryBytes: 1024 * MEBI, ...overrides };
  const [placement] = placeBatch(hosts, [request]);
  if (placement?.host !== null) throw new Error('expected a refusal');
  return placement.explain();
}

describe('the explanation of a refusal', () => {
  it('counts many hosts by reason and names the one that came nearest', () => {
    const small = Array.from({ length: 80 }, (_, index) =>
      host(`host-${index}`, { usedMemoryBytes: (index + 1) * MEBI }),
    );
    const down = Array.from({ length: 40 }, (_, index) => host(`down-${index}`, { ready: false }));
    const { reasons, summary } = refusalOf([...down, ...small], {});
    expect(summary).toBe(
      '0/120 hosts fit: 80 too little memory (most free host-0: 511Mi free, more than 1Gi needed), 40 not ready',
    );
    expect(reasons).toHaveLength(120);
  });

  it('lists few hosts one by one, with both shortages of a host that has two', () => {
    const { summary } = refusalOf(
      [host('a', { labels: { disk: 'ssd' } }), host('b'), host('c', { ready: false })],
      {
        cpuMillis: 3000,
        hosts: ['a', 'c', 'gone'],
        hostSelector: { matchLabels: { disk: 'ssd' } },
      },
    );
    expect(summary).toBe(
      '0/3 hosts fit: a has too little memory: 512Mi free, more than 1Gi needed; ' +
        'a has too little CPU: 2 free, more than 3 needed; b is not among the appointed hosts; ' +
        'c is not ready; gone is appointed but not registered',
    );
  });

  it('names the hosts that lack the needed network, and what to do about it', () => {
    const hosts = [
      host('a', { capabilities: ['userNetwork'] }),
      host('b', { capabilities: ['bridgeNetwork'] }),
    ];
    const small = { memoryBytes: MEBI, hosts: ['a'] };
    expect(refusalOf(hosts, { ...small, capabilities: ['bridgeNetwork'] }).summary).toBe(
      '0/2 hosts fit: a has no bridge (coppice hostd --bridge); b is not among the appointed hosts',
    );
    const many = Array.from({ length: 5 }, (_, index) => host(`h${index}`));
    expect(refusalOf(many, { memoryBytes: MEBI, capabilities: ['bridgeNetwork'] }).summary).toBe(
      '0/5 hosts fit: 5 without a bridge',
    );
    expect(refusalOf(many, { memoryBytes: MEBI, capabilities: ['userNetwork'] }).summary).toBe(
      '0/5 hosts fit: 5 without user networking',
    );
    const firmware = { ...small, capabilities: ['userNetwork', 'uefi'] as const };
    expect(refusalOf(hosts, firmware).summary).toBe(
      '0/2 hosts fit: a has no UEFI (Debian: apt-get install ovmf; Xen hosts have none); b is not among the appointed hosts',
    );
    expect(refusalOf(many, { memoryBytes: MEBI, capabilities: ['dataDisk'] }).summary).toBe(
      '0/5 hosts fit: 5 without second disks',
    );
    expect(refusalOf(many, { memoryBytes: MEBI, capabilities: ['hvmCdDrive'] }).summary).toBe(
      '0/5 hosts fit: 5 without CDs',
    );
    expect(refusalOf(many, { memoryBytes: MEBI, capabilities: ['capturable'] }).summary).toBe(
      '0/5 hosts fit: 5 that cannot save memory',
    );
    expect(refusalOf(hosts, { ...small, capabilities: ['cdDrive'] }).summary).toMatch(
      /^0\/2 hosts fit: a has no CD drive for a guest that no firmware starts \(Xen hosts/,
    );
  });

  it('names hosts that cannot run the type of the guest', () => {
    const hosts = [host('a', { guestTypes: ['PV'] }), host('b', { ready: false })];
    expect(refusalOf(hosts, { memoryBytes: MEBI, guestType: 'HVM' }).summary).toBe(
      '0/2 hosts fit: a has no hardware virtualisation, which a guest of type HVM needs under Xen; b is not ready',
    );
    const [placed] = placeBatch(hosts, [{ name: 'va', cpuMillis: 1, memoryBytes: 1, guestType: 'PV' }]);
    expect(placed?.host).toBe('a');
    const [elsewhere] = placeBatch(
      [host('q')],
      [{ name: 'va', cpuMillis: 1, memoryBytes: 1, guestType: 'HVM' }],
    );
    expect(elsewhere?.host).toBe('q');
  });

  it('names hosts without the shared directory that the template is in, and uses those with it', () => {
    const hosts = [host('a'), host('b', { sharedDirectory: 'y' }), host('c', { sharedDirectory: 'x' })];
    const request = { memoryBytes: MEBI, sharedDirectories: ['x'] };
    expect(refusalOf(hosts.slice(0, 2), request).summary).toBe(
      '0/2 hosts fit: a shares no directory with other hosts, which a template of mode Shared needs (coppice hostd --shared-directory); ' +
        'b shares another directory than the one that has the template',
    );
    const small = { cpuMillis: 1, memoryBytes: 1 };
    const placements = placeBatch(hosts, [
      { name: 'in it', ...small, sharedDirectories: ['x'] },
      { name: 'not imported', ...small, sharedDirectories: [] },
      { name: 'of mode Copy', ...small },
    ]);
    // Each takes the emptiest of those that it may have; the first by name where they are equally empty.
    expect(placements.map(({ host: name }) => name)).toEqual(['c', 'b', 'a']);
  });

  it('names the mismatch of the selector', () => {
    const { reasons } = refusalOf([host('a')], { hostSelector: { matchLabels: { disk: 'ssd' } } });
    expect(reasons).toEqual([
      { host: 'a', reason: 'SelectorMismatch', message: 'does not match the host selector' },
    ]);
  });

  describe('of a port that somebody has', () => {
    const web = { namespace: 'default', name: 'web-0' };
    const small = {
      memoryBytes: MEBI,
      hostPorts: [8080],
      appliance: { namespace: 'default', name: 'web-1' },
    };
    const taken = (name: string, overrides: Partial<PlacementHost> = {}) =>
      host(name, { takenPorts: new Map([[8080, web]]), ...overrides });

    it('names the port, the host, and the appliance that has it', () => {
      expect(refusalOf([taken('a')], small)).toEqual({
        summary: '0/1 hosts fit: a does not have port 8080 free: it is in use by appliance default/web-0',
        reasons: [
          {
            host: 'a',
            reason: 'PortInUse',
            message: 'does not have port 8080 free: it is in use by appliance default/web-0',
          },
        ],
      });
    });

    it('does not name an appliance of another namespace', () => {
      const stranger = { ...small, appliance: { namespace: 'other', name: 'mine' } };
      const { summary, reasons } = refusalOf([taken('a')], stranger);
      expect(summary).toContain('in use by an appliance of another namespace');
      expect(JSON.stringify([summary, reasons])).not.toMatch(/web-0|default/);
    });

    it('names the neighbour on the same machine', () => {
      const neighbours = [taken('a', { portSpace: 'm' }), host('b', { portSpace: 'm' })];
      expect(refusalOf(neighbours, small).summary).toContain(
        'b does not have port 8080 free: it is in use by appliance default/web-0 on a, a host of the same machine',
      );
    });

    it('names one of many', () => {
      const many = Array.from({ length: 5 }, (_, index) => taken(`h${index}`));
      expect(refusalOf(many, small).summary).toBe(
        '0/5 hosts fit: 5 without a free port (h0 does not have port 8080 free: it is in use by appliance default/web-0)',
      );
    });
  });

  it('gives what disks lack', () => {
    const { summary } = refusalOf([host('a', { freeDiskBytes: MEBI })], {
      memoryBytes: 1,
      diskBytes: 2 * MEBI,
    });
    expect(summary).toBe('0/1 hosts fit: a has too little disk space: 1Mi free, 2Mi needed');
    expect(refusalOf([host('a', { freeDiskBytes: -1 })], { memoryBytes: 1, diskBytes: 0 }).summary).toBe(
      '0/1 hosts fit: a has no disk space left but for the VMs that run',
    );
  });

  it('states that there are no hosts', () => {
    expect(refusalOf([], {})).toEqual({ reasons: [], summary: 'no host is registered' });
  });
});
