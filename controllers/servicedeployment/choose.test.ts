import { describe, expect, it } from 'vitest';
import type { Template, TemplateLabel } from '../../src/api/kinds.ts';
import { aDeployment, aLabel, aService, aTemplate } from '../../test/builders/objects.ts';
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
  return chooseTemplate(aDeployment(), aService({ template }), { templates, pinned });
}

const both = [version('1'), version('2')];

describe('the image of a recalled service', () => {
  const machine = '11111111-1111-4111-8111-111111111111';
  const recalled = { task: 'shop', service: 'web', ordinal: 0, recall: 1, machine, template: {} };
  const used = version('3', { used: '2026-01-01T00:00:00Z' });
  const image: Template = { ...used, spec: { ...used.spec, recalled } };

  it('is used where it or its series is named, and not because its labels fit', () => {
    expect(choose({ name: 'debian-3' }, [image])).toEqual({ key: 'default/debian-3' });
    expect(choose({ series: 'debian' }, [image])).toEqual({ key: 'default/debian-3' });
    const selector = { matchLabels: { os: 'debian' } };
    expect(choose({ selector }, [image])).toMatchObject({ key: undefined });
  });

  it('is none of a series of the same name that is not of images', () => {
    expect(choose({ series: 'debian' }, [...both, image])).toEqual({ key: 'default/debian-2' });
    expect(choose({ series: 'debian', policy: 'Newest' }, [...both, image])).toEqual({
      key: 'default/debian-2',
    });
  });
});

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
    expect(choose(wanted, [theirs])).toMatchObject({ key: undefined, reason: 'TemplateNotFound' });
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

describe('the template of a service that asks by label', () => {
  const lamp = aLabel({ spec: { templates: ['debian-1', 'debian-2'] } });
  const by = (
    labels: readonly TemplateLabel[],
    change: { label?: string; namespace?: string; pinned?: string; pinnedLabel?: string } = {},
    templates: readonly Template[] = both,
  ) => {
    const { label = 'lamp', namespace, pinned, pinnedLabel } = change;
    const template = { label, ...(namespace === undefined ? {} : { namespace }) };
    return chooseTemplate(aDeployment(), aService({ template }), { templates, labels, pinned, pinnedLabel });
  };

  it('is the most recently used one of the label, else the newest, and says why', () => {
    expect(by([lamp])).toEqual({
      key: 'default/debian-2',
      label: 'default/lamp',
      why: 'the newest of 2 usable with label lamp, of which none was used yet',
    });
    const used = [version('1', { used: '2026-01-01T00:00:00Z' }), version('2')];
    expect(by([lamp], {}, used)).toMatchObject({
      key: 'default/debian-1',
      why: 'the most recently used of 2 usable with label lamp (2026-01-01T00:00:00Z)',
    });
  });

  it('may be by a label of another namespace that is visible to all, and by no other', () => {
    const theirs = (visibility: TemplateLabel['spec']['visibility']) =>
      aLabel({ metadata: { namespace: 'images' }, spec: { visibility, templates: ['debian-1'] } });
    const template = version('1', { namespace: 'images' });
    const shared = { ...template, spec: { ...template.spec, sharing: { scope: 'Cluster' as const } } };
    const wanted = { namespace: 'images' };
    expect(by([theirs('Cluster')], wanted, [shared])).toMatchObject({
      key: 'images/debian-1',
      label: 'images/lamp',
      why: expect.stringContaining('with label images/lamp'),
    });
    for (const visibility of ['Private', 'Namespace'] as const)
      expect(by([theirs(visibility)], wanted, [shared])).toEqual(by([], wanted, [shared]));
    expect(by([], wanted)).toMatchObject({ key: undefined, reason: 'LabelNotFound' });
    // The label is visible, its template is not shared: as if there were none.
    expect(by([theirs('Cluster')], wanted, [template])).toEqual(by([theirs('Cluster')], wanted, []));
  });

  it('stays whatever its owner does to the label, until the task asks for another one', () => {
    const pin = { pinned: 'default/debian-1', pinnedLabel: 'default/lamp' };
    const kept = { key: 'default/debian-1', why: undefined, label: 'default/lamp' };
    expect(by([lamp], pin)).toEqual(kept);
    expect(by([aLabel({ spec: { templates: ['debian-2'] } })], pin)).toEqual(kept);
    expect(by([], pin)).toEqual(kept);
    const other = aLabel({ metadata: { name: 'other' }, spec: { templates: ['debian-2'] } });
    expect(by([lamp, other], { ...pin, label: 'other' })).toMatchObject({ key: 'default/debian-2' });
    expect(by([lamp], pin, [version('2')])).toMatchObject({ key: 'default/debian-2' });
  });

  it('waits for one that is ready, or that the label gives at all', () => {
    expect(by([aLabel({ spec: { templates: ['none'] } })])).toMatchObject({
      reason: 'TemplateNotFound',
      message: 'no template with label lamp can be used: create one, or share one with this namespace',
    });
    expect(by([lamp], {}, [version('1', { ready: false })])).toMatchObject({ reason: 'TemplateNotReady' });
  });
});
