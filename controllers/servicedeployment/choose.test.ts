import { describe, expect, it } from 'vitest';
import type { Template } from '../../src/api/kinds.ts';
import { aDeployment, aService, aTemplate } from '../../test/builders/objects.ts';
import { chooseTemplate } from './choose.ts';
import type { Service } from './services.ts';

function version(
  text: string,
  change: { ready?: boolean; reason?: string; used?: string; namespace?: string; going?: boolean } = {},
): Template {
  const { ready = true, reason = 'Test', used, namespace = 'default', going = false } = change;
  const lastTransitionTime = '2026-01-01T00:00:00Z';
  return aTemplate({
    metadata: {
      name: `debian-${text}`,
      namespace,
      uid: `${namespace}-${text}`,
      labels: { os: 'debian' },
      ...(going ? { deletionTimestamp: lastTransitionTime } : {}),
    },
    spec: { series: 'debian', version: text },
    status: {
      conditions: [
        { type: 'Ready', status: ready ? 'True' : 'False', reason, message: '', lastTransitionTime },
      ],
      ...(used === undefined ? {} : { lastUsedTime: used }),
    },
  });
}

/** Without the words, of which a test of its own tells. */
function choose(template: Service['template'], templates: readonly Template[], pinned?: string) {
  const { why: _, ...choice } = { why: undefined, ...choiceOf(template, templates, pinned) };
  return choice;
}

function choiceOf(template: Service['template'], templates: readonly Template[], pinned?: string) {
  return chooseTemplate(aDeployment(), aService({ template }), templates, pinned);
}

const both = [version('1'), version('2')];

describe('the template of a service', () => {
  it('by name is that one, ready or not', () => {
    expect(choose({ name: 'debian-1' }, [version('1', { ready: false })])).toEqual({
      key: 'default/debian-1',
    });
    expect(choose({ name: 'other' }, both)).toMatchObject({ key: undefined, reason: 'TemplateNotFound' });
  });

  it('of another namespace must be shared', () => {
    const theirs = version('1', { namespace: 'images' });
    const wanted = { name: 'debian-1', namespace: 'images' };
    expect(choose(wanted, [theirs])).toMatchObject({ key: undefined, reason: 'TemplateNotShared' });
    const shared = (sharing: Template['spec']['sharing']) => ({
      ...theirs,
      spec: { ...theirs.spec, sharing },
    });
    expect(choose(wanted, [shared({ scope: 'Cluster' })])).toEqual({ key: 'images/debian-1' });
    expect(choose(wanted, [shared({ scope: 'Namespaces', namespaces: ['default'] })])).toEqual({
      key: 'images/debian-1',
    });
    expect(choose(wanted, [shared({ scope: 'Namespaces', namespaces: ['other'] })])).toMatchObject({
      key: undefined,
    });
    expect(choose({ series: 'debian', namespace: 'images' }, [theirs])).toMatchObject({
      key: undefined,
      reason: 'TemplateNotFound',
    });
  });

  it('of a series never comes from a namespace that was not named, however new and shared it is there', () => {
    const theirs = version('9', { namespace: 'elsewhere' });
    const shared = { ...theirs, spec: { ...theirs.spec, sharing: { scope: 'Cluster' as const } } };
    expect(choose({ series: 'debian' }, [...both, shared])).toEqual({ key: 'default/debian-2' });
    expect(choose({ series: 'debian', namespace: 'elsewhere' }, [...both, shared])).toEqual({
      key: 'elsewhere/debian-9',
    });
  });

  it('of a series is the most recently used one, else the newest', () => {
    expect(choose({ series: 'debian' }, both)).toEqual({ key: 'default/debian-2' });
    expect(
      choose({ series: 'debian' }, [version('1', { used: '2026-01-01T00:00:00Z' }), version('2')]),
    ).toEqual({
      key: 'default/debian-1',
    });
    expect(choose({ series: 'debian', version: '1' }, both)).toEqual({ key: 'default/debian-1' });
  });

  it('is kept once it was chosen, until the service asks for another one', () => {
    expect(choose({ series: 'debian' }, both, 'default/debian-1')).toEqual({ key: 'default/debian-1' });
    expect(choose({ series: 'debian', version: '2' }, both, 'default/debian-1')).toEqual({
      key: 'default/debian-2',
    });
    expect(choose({ series: 'debian' }, [version('2')], 'default/debian-1')).toEqual({
      key: 'default/debian-2',
    });
    const going = [version('1', { going: true }), version('2')];
    expect(choose({ series: 'debian' }, going, 'default/debian-1')).toEqual({ key: 'default/debian-1' });
    expect(choose({ series: 'debian', version: '1' }, going)).toMatchObject({ key: undefined });
  });

  it('follows the newest that is ready when asked to', () => {
    const wanted = { series: 'debian', policy: 'Newest' } as const;
    expect(choose(wanted, both, 'default/debian-1')).toEqual({ key: 'default/debian-2' });
    expect(choose(wanted, [version('1'), version('2', { ready: false })], 'default/debian-1')).toEqual({
      key: 'default/debian-1',
    });
    expect(choose(wanted, [version('1', { ready: false })], 'default/debian-1')).toEqual({
      key: 'default/debian-1',
    });
    expect(choose(wanted, [version('1', { ready: false })])).toMatchObject({ reason: 'TemplateNotReady' });
  });

  it.each(['Fetching', 'NoHosts', 'Connecting'])(
    'may be one that no host has judged (%s), but a task that has one does not follow to it',
    (reason) => {
      const unjudged = version('2', { ready: false, reason });
      expect(choose({ series: 'debian' }, [version('1'), unjudged])).toEqual({ key: 'default/debian-2' });
      const wanted = { series: 'debian', policy: 'Newest' } as const;
      expect(choose(wanted, [version('1'), unjudged])).toEqual({ key: 'default/debian-2' });
      const kept = { key: 'default/debian-1' };
      expect(choose(wanted, [version('1'), unjudged], 'default/debian-1')).toEqual(kept);
    },
  );

  it('by labels is one that has them', () => {
    expect(choose({ selector: { matchLabels: { os: 'debian' } } }, both)).toEqual({
      key: 'default/debian-2',
    });
    expect(choose({ selector: { matchLabels: { os: 'bsd' } } }, both)).toMatchObject({
      key: undefined,
      message: expect.stringContaining('no template with labels os=bsd can be used'),
    });
  });

  it.each([
    [{ name: 'debian-1' }, undefined, 'named by the task'],
    [{ series: 'debian' }, undefined, 'the newest of 2 usable in series debian, of which none was used yet'],
    [{ series: 'debian' }, 'default/debian-1', undefined],
    [{ series: 'debian', version: '1' }, undefined, 'version 1 of series debian, as requested'],
    [
      { selector: { matchLabels: { os: 'debian' } } },
      undefined,
      'the newest of 2 usable with labels os=debian, of which none was used yet',
    ],
  ] as const)('%j says why, unless an earlier choice is kept (%s)', (wanted, pinned, why) => {
    expect(choiceOf(wanted, both, pinned)).toMatchObject({ why });
  });
});
