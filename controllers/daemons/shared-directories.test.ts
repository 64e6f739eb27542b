import { describe, expect, it } from 'vitest';
import { HostApiError } from '../../src/host/client.ts';
import type { DesiredLayer } from '../../src/host/protocol.ts';
import { aHost } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aView, LAYER } from '../../test/builders/reports.ts';
import type { Daemon } from './daemon.ts';
import { LayerSharing } from './layer-sharing.ts';
import { placementHost } from './placement-host.ts';
import { directoriesWith, hostsToPublish } from './shared-directories.ts';
import type { HostView } from './view.ts';

const OTHER = '3'.repeat(64);
const problem = (reason: string) => ({ reason, message: 'it is so' });
const signal = new AbortController().signal;

/** A host with the shared directory of that id. */
function sharing(name: string, id?: string, ...holds: readonly ReturnType<typeof aLayer>[]): HostView {
  const report = aHostReport({ name, ...(id === undefined ? {} : { sharedDirectory: id }) });
  return aView({ name, holds, status: report });
}

describe('the shared directories that have a template', () => {
  it('are those that have all its layers, whichever hosts put them there', () => {
    const views = [
      sharing('a', 'x', aLayer({ shared: 'x' })),
      sharing('b', 'x', aLayer({ identity: OTHER, shared: 'x' })),
      sharing('c', 'y', aLayer({ shared: 'y' }), aLayer({ identity: OTHER })),
    ];
    expect(directoriesWith([LAYER, OTHER], views)).toEqual(['x']);
    expect(directoriesWith([LAYER], views)).toEqual(['x', 'y']);
    expect(directoriesWith([], views)).toEqual([]);
  });

  it('have it while a host does not reach them, and not when a host found it damaged there', () => {
    const failed = (reason: string) =>
      sharing('a', undefined, aLayer({ state: 'Failed', shared: 'x', problem: problem(reason) }));
    expect(directoriesWith([LAYER], [failed('SharedDirectoryNotMounted')])).toEqual(['x']);
    expect(directoriesWith([LAYER], [failed('LayerCorrupt')])).toEqual([]);
  });
});

describe('the hosts that put a layer into their directory', () => {
  it('are one of each directory that does not have it, and all of one that has it', () => {
    const views = [
      sharing('b', 'x', aLayer()),
      sharing('a', 'x', aLayer()),
      sharing('c', 'y', aLayer()),
      sharing('d', 'y', aLayer()),
      sharing('e', 'y', aLayer({ shared: 'y' })),
      sharing('f', undefined, aLayer()),
      sharing('g', 'z', aLayer({ state: 'Fetching' })),
    ];
    expect(hostsToPublish(LAYER, views).map(({ name }) => name)).toEqual(['a', 'c', 'd']);
  });
});

describe('a layer that is to be shared', () => {
  const asked = (views: readonly HostView[], refuses: ReadonlySet<string> = new Set()) => {
    const sent: [string, DesiredLayer][] = [];
    const client = (host: string) =>
      ({
        putLayer: async (_: string, desired: DesiredLayer) => {
          sent.push([host, desired]);
          const isNowhere = desired.peers.length === 0 && refuses.has(host);
          if (isNowhere) throw new HostApiError(404, { reason: 'NotFound', message: 'it is not there' });
        },
      }) as unknown as Daemon;
    const list = () => views;
    const get = (name: string) => views.find((view) => view.name === name);
    const links = { client, url: (host: string) => `https://${host}:7443` };
    const of = new LayerSharing(
      { list, get, subscribe: () => () => undefined },
      links,
      () => undefined,
      () => true,
    );
    const share = () => of.share(LAYER, get('target') ?? aView(), signal);
    return { sent, share };
  };

  it('is taken from the directory, with no host to read it from', async () => {
    const { sent, share } = asked([sharing('a', 'x', aLayer({ shared: 'x' })), sharing('target', 'x')]);
    expect(await share()).toBe(true);
    expect(sent).toEqual([['target', { peers: [], readers: [], shared: true }]]);
  });

  it('is waited for while a host of the same directory puts it there', async () => {
    const { sent, share } = asked([sharing('a', 'x', aLayer()), sharing('target', 'x')]);
    await expect(share()).rejects.toThrow(`host a puts layer ${LAYER} into the shared directory`);
    expect(sent).toEqual([['a', { peers: [], readers: [], shared: true }]]);
  });

  it.each([
    ['the directory is full', [sharing('a', 'x', aLayer({ sharingProblem: problem('DiskFull') }))], 'x'],
    ['it is not in the target’s directory', [sharing('a', 'y', aLayer({ shared: 'y' }))], 'x'],
    ['the target has none', [sharing('a', 'x', aLayer({ shared: 'x' }))], undefined],
  ] as const)('is read from another host when %s', async (_, views, id) => {
    const { sent, share } = asked([...views, sharing('target', id)]);
    expect(await share()).toBe(true);
    const shared = id === undefined ? {} : { shared: true };
    expect(sent.at(-1)).toEqual([
      'target',
      { peers: [{ host: 'a', url: 'https://a:7443' }], readers: ['target'], ...shared },
    ]);
  });

  it('is read from another host when the target does not find it in the directory', async () => {
    const views = [sharing('a', 'x', aLayer({ shared: 'x' })), sharing('target', 'x')];
    const { sent, share } = asked(views, new Set(['target']));
    expect(await share()).toBe(true);
    expect(sent.map(([host, { peers }]) => [host, peers.length])).toEqual([
      ['target', 0],
      ['a', 0],
      ['target', 1],
    ]);
  });
});

it('placement knows the directory that a host shares', () => {
  expect(placementHost(aHost(), sharing('host-a', 'x'), []).sharedDirectory).toBe('x');
  expect(placementHost(aHost(), sharing('host-a'), [])).not.toHaveProperty('sharedDirectory');
});
