import { describe, expect, it } from 'vitest';
import { HostApiError } from '../../src/host/client.ts';
import type { DesiredLayer } from '../../src/host/protocol.ts';
import { TransientError } from '../../src/kube/controller/errors.ts';
import { aHostReport, aLayer, aReport, aView, LAYER } from '../../test/builders/reports.ts';
import type { Daemon } from './daemon.ts';
import { LayerSharing } from './layer-sharing.ts';
import type { HostView, ViewListener } from './view.ts';

const signal = new AbortController().signal;

type View = Parameters<typeof aView>[0] & { readonly name: string };
const having = (name: string, rest: Partial<View> = {}) => aView({ name, holds: [aLayer()], ...rest });
const fetching = (name: string, rest: Partial<View> = {}) =>
  aView({ name, holds: [aLayer({ state: 'Fetching' })], ...rest });
const urlOf = (host: string) => `https://${host}:7443`;
const peersOf = (...hosts: readonly string[]) => hosts.map((host) => ({ host, url: urlOf(host) }));

/**
 * Hosts that are followed, each with a daemon that does what it is asked.
 * @param answer what a daemon waits for before it does so
 */
function setUp(
  views: readonly HostView[],
  answer: (host: string) => Promise<void> = async () => undefined,
  groupOf: (host: string) => string | undefined = () => undefined,
) {
  const current = new Map(views.map((view) => [view.name, view]));
  const sent: [string, DesiredLayer][] = [];
  /** What each daemon was last asked for. */
  const inForce = new Map<string, DesiredLayer>();
  const daemonOf = (host: string) =>
    ({
      putLayer: async (identity: string, desired: DesiredLayer) => {
        expect(identity).toBe(LAYER);
        sent.push([host, desired]);
        await answer(host);
        inForce.set(host, desired);
      },
    }) as unknown as Daemon;
  const links = {
    client: (host: string) => (current.has(host) ? daemonOf(host) : undefined),
    url: (host: string) => (current.has(host) ? urlOf(host) : undefined),
  };
  let listener: ViewListener = () => undefined;
  const hostViews = {
    list: () => [...current.values()],
    get: (host: string) => current.get(host),
    subscribe: (added: ViewListener) => {
      listener = added;
      return () => undefined;
    },
  };
  const sharing = new LayerSharing(hostViews, links, groupOf);
  const share = (target: string) =>
    sharing.share(LAYER, current.get(target) ?? aView({ name: target }), signal);
  const copy = (target: string) =>
    sharing.copy(LAYER, current.get(target) ?? aView({ name: target }), signal);
  const change = (...changed: readonly HostView[]) => {
    for (const view of changed) {
      current.set(view.name, view);
      listener({ host: view.name, kind: 'layer', ids: [LAYER] });
    }
  };
  const changeLink = (view: HostView) => {
    current.set(view.name, view);
    listener({ host: view.name, kind: 'link', ids: [] });
  };
  return { sharing, share, copy, change, changeLink, sent, inForce };
}

describe('a layer', () => {
  it('is asked for at its target when those that have it let the target read it', async () => {
    const { share, sent } = setUp([having('a'), having('b'), aView({ name: 'target' })]);
    expect(await share('target')).toBe(true);
    const readers = ['target'];
    expect(sent).toEqual([
      ['a', { peers: [], readers }],
      ['b', { peers: [], readers }],
      ['target', { peers: peersOf('a', 'b'), readers }],
    ]);
  });

  it('is granted again on a host that lost it and has it again', async () => {
    const { share, change, sent } = setUp([having('a'), aView({ name: 'target' })]);
    await share('target');
    change(aView({ name: 'a' }));
    change(having('a'));
    sent.length = 0;
    await share('target');
    expect(sent[0]).toEqual(['a', { peers: [], readers: ['target'] }]);
  });

  it('is not asked for before they do', async () => {
    const granted = Promise.withResolvers<void>();
    const held = (host: string) => (host === 'a' ? granted.promise : Promise.resolve());
    const { share, sent } = setUp([having('a'), aView({ name: 'target' })], held);
    const sharing = share('target');
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent.map(([host]) => host)).toEqual(['a']);
    granted.resolve();
    await sharing;
    expect(sent.map(([host]) => host)).toEqual(['a', 'target']);
  });

  it('is not asked for where it is, nor where none has it', async () => {
    const { share, sent } = setUp([having('a'), having('target')]);
    expect(await share('target')).toBe(true);
    expect(sent).toEqual([]);
    const alone = setUp([aView({ name: 'a' }), aView({ name: 'target' })]);
    expect(await alone.share('target')).toBe(false);
    expect(alone.sent).toEqual([]);
  });

  it('is not asked for at a host that is not followed', async () => {
    const { share, sent } = setUp([having('a')]);
    expect(await share('target')).toBe(true);
    expect(sent).toEqual([]);
  });

  const problem = { reason: 'HostUnreachable', message: 'no answer' };
  it('comes from connected hosts that have it whole only', async () => {
    const { share, sent } = setUp([
      having('broken', { link: { state: 'broken', since: 0, problem } }),
      having('connecting', { link: { state: 'connecting', since: 0 } }),
      fetching('fetching'),
      aView({ name: 'failed', holds: [aLayer({ state: 'Failed' })] }),
      aView({ name: 'other', holds: [aLayer({ identity: '2'.repeat(64) })] }),
      fetching('target'),
    ]);
    expect(await share('target')).toBe(false);
    expect(sent).toEqual([]);
  });

  it('comes from three hosts at most: those with the fewest appliances', async () => {
    const runs = ['1', '2'].map((uuid) => aReport({ uuid }));
    const { share, sent } = setUp([
      having('e', { runs }),
      having('d', { runs: [aReport()] }),
      having('c'),
      having('b', { runs }),
      having('a', { runs }),
      aView({ name: 'target' }),
    ]);
    await share('target');
    expect(sent.map(([host]) => host)).toEqual(['c', 'd', 'a', 'target']);
    expect(sent.at(-1)?.[1].peers).toEqual(peersOf('c', 'd', 'a'));
  });
});

describe('the readers of a layer', () => {
  it('are both of two targets at the same time, however their requests pass each other', async () => {
    const first = Promise.withResolvers<void>();
    const answers = [first.promise];
    const views = [having('a'), aView({ name: 't1' }), aView({ name: 't2' })];
    const { share, inForce } = setUp(views, async (host) => (host === 'a' ? answers.shift() : undefined));
    const both = [share('t1'), share('t2')];
    await new Promise((resolve) => setImmediate(resolve));
    first.resolve();
    await Promise.all(both);
    expect(inForce.get('a')).toEqual({ peers: [], readers: ['t1', 't2'] });
  });

  it('stay those that were to have it before, until it is no longer needed', async () => {
    const { sharing, share, sent } = setUp([
      having('a'),
      ...['t1', 't2', 't3'].map((name) => aView({ name })),
    ]);
    await share('t1');
    await share('t2');
    expect(sent.at(-1)?.[1].readers).toEqual(['t1', 't2']);
    sharing.forget(LAYER);
    await share('t3');
    expect(sent.at(-1)?.[1].readers).toEqual(['t3']);
  });

  it('stay those that fetch it since before the operator started', async () => {
    const { share, inForce } = setUp([having('a'), fetching('early'), aView({ name: 'target' })]);
    await share('target');
    expect(inForce.get('a')?.readers).toEqual(['early', 'target']);
    expect(inForce.has('early')).toBe(false);
  });
});

describe('a request for a layer', () => {
  it('is sent once to each start of a daemon', async () => {
    const { share, change, sent } = setUp([having('a'), aView({ name: 'target' })]);
    const shareAgain = async (...views: readonly HostView[]) => {
      sent.length = 0;
      change(...views);
      await share('target');
      return sent.map(([host]) => host);
    };
    expect(await shareAgain()).toEqual(['a', 'target']);
    expect(await shareAgain(fetching('target'))).toEqual([]);
    const restarted = (name: string) => aHostReport({ name, startedAt: '2026-02-02T00:00:00.000Z' });
    expect(await shareAgain(having('a', { status: restarted('a') }))).toEqual(['a']);
    expect(await shareAgain(fetching('target', { status: restarted('target') }))).toEqual(['target']);
    expect(await shareAgain(fetching('target', { status: restarted('target') }))).toEqual([]);
  });

  it('is sent again to a target that does not have it any more, and with a source that came', async () => {
    const { share, change, sent } = setUp([having('a'), fetching('target')]);
    await share('target');
    sent.length = 0;
    change(aView({ name: 'target' }));
    await share('target');
    expect(sent.map(([host]) => host)).toEqual(['target']);
    change(fetching('target'), having('b'));
    await share('target');
    expect(sent.slice(1).map(([host]) => host)).toEqual(['b', 'target']);
    expect(sent.at(-1)?.[1].peers).toEqual(peersOf('a', 'b'));
  });

  it('is sent once for all appliances that need it at the same time', async () => {
    const later = () => new Promise<void>((resolve) => setImmediate(resolve));
    const { share, sent } = setUp([having('a'), aView({ name: 'target' })], later);
    await Promise.all([share('target'), share('target'), share('target')]);
    expect(sent.map(([host]) => host)).toEqual(['a', 'target']);
  });

  const away = new HostApiError(0, { reason: 'HostUnreachable', message: 'it does not answer' });
  const refusing =
    (...hosts: readonly string[]) =>
    async (host: string) => {
      if (hosts.includes(host)) throw away;
    };

  it('leaves out a source that refuses', async () => {
    const { share, inForce } = setUp([having('a'), having('b'), aView({ name: 'target' })], refusing('a'));
    expect(await share('target')).toBe(true);
    expect(inForce.get('target')?.peers).toEqual(peersOf('b'));
  });

  it('fails when all sources refuse, or the target does, and is sent again', async () => {
    const views = [having('a'), having('b'), aView({ name: 'target' })];
    const sources = setUp(views, refusing('a', 'b'));
    await expect(sources.share('target')).rejects.toThrow(TransientError);
    expect(sources.sent.map(([host]) => host)).toEqual(['a', 'b']);
    const target = setUp(views, refusing('target'));
    await expect(target.share('target')).rejects.toThrow('it does not answer');
    await expect(target.share('target')).rejects.toThrow(TransientError);
    expect(target.sent.map(([host]) => host)).toEqual(['a', 'b', 'target', 'target']);
  });
});

describe('a layer that no appliance waits for', () => {
  const targets = ['t1', 't2', 't3'].map((name) => aView({ name }));
  const asked = (sent: readonly [string, DesiredLayer][]) =>
    sent.filter(([, { peers }]) => peers.length > 0).map(([host]) => host);

  it('goes from a host to two others at a time, and on when one has it', async () => {
    const { copy, change, sent } = setUp([having('a'), ...targets]);
    expect([await copy('t1'), await copy('t2'), await copy('t3')]).toEqual([true, true, false]);
    expect(asked(sent)).toEqual(['t1', 't2']);
    change(fetching('t1'), fetching('t2'));
    expect(await copy('t3')).toBe(false);
    change(having('t1'));
    expect(await copy('t3')).toBe(true);
    expect(sent.at(-1)?.[1].peers).toEqual(peersOf('a', 't1'));
    expect(await copy('t1')).toBe(true);
  });

  it('waits where an appliance waits for one, whose own request waits for nothing', async () => {
    const { share, copy, change, sent } = setUp([having('a'), ...targets]);
    expect([await copy('t1'), await copy('t2')]).toEqual([true, true]);
    expect(await share('t3')).toBe(true);
    change(having('t1'), fetching('t2'), fetching('t3'));
    expect(asked(sent)).toEqual(['t1', 't2', 't3']);
    const more = setUp([having('a'), ...targets]);
    await more.share('t1');
    expect(await more.copy('t2')).toBe(false);
    more.change(having('t1'));
    expect(await more.copy('t2')).toBe(true);
  });

  it('keeps no other from its turn when it is refused, gets stuck, or its host goes', async () => {
    const problem = { reason: 'NoPeerGivesLayer', message: 'none gives it' };
    const down = { link: { state: 'broken', since: 0, problem } } as const;
    const begin = async (answer?: (host: string) => Promise<void>) => {
      const world = setUp([having('a'), ...targets], answer);
      await Promise.allSettled([world.copy('t1'), world.copy('t2')]);
      return world;
    };
    const away = new HostApiError(0, { reason: 'HostUnreachable', message: 'it does not answer' });
    const refused = await begin(async (host) => {
      if (host === 't1') throw away;
    });
    expect(await refused.copy('t3')).toBe(true);
    const stuck = await begin();
    stuck.change(fetching('t1', { holds: [aLayer({ state: 'Fetching', problem })] }));
    expect(await stuck.copy('t3')).toBe(true);
    const gone = await begin();
    gone.changeLink(aView({ name: 't1', ...down }));
    expect(await gone.copy('t3')).toBe(true);
  });
});

describe('the sources of a layer', () => {
  const groupOf = (host: string) => ({ a: 'left', b: 'right', c: 'right', target: 'right' })[host];

  it('are those of the same group first', async () => {
    const runs = [aReport()];
    const views = [having('a'), having('b', { runs }), having('d'), aView({ name: 'target' })];
    const { share, sent } = setUp(views, undefined, groupOf);
    await share('target');
    expect(sent.at(-1)?.[1].peers).toEqual(peersOf('b', 'a', 'd'));
  });

  it('are of another group where those of the same give enough already', async () => {
    const idle = ['t1', 't2'].map((name) => aView({ name }));
    const views = [having('a'), having('b'), aView({ name: 'target' }), ...idle];
    const { copy, sent } = setUp(views, undefined, (host) => (host === 'a' ? 'left' : 'right'));
    await copy('t1');
    await copy('t2');
    await copy('target');
    expect(sent.at(-1)?.[1].peers).toEqual(peersOf('a'));
  });
});
