import { describe, expect, it } from 'vitest';
import type { Template, TemplateLabel } from '../src/api/kinds.ts';
import { missingTemplates, templatesOf } from '../src/domain/templates/label.ts';
import { cachesOf } from '../test/builders/caches.ts';
import { aDeployment, aLabel, anAppliance, aService, aTemplate } from '../test/builders/objects.ts';
import type { OperatorContext } from './context.ts';
import { chooseTemplate } from './servicedeployment/choose.ts';
import type { Service } from './servicedeployment/services.ts';
import { chooseParent } from './template/choose-parent.ts';
import { positionOf } from './template/position.ts';
import { sealObstacle } from './template/seal.ts';
import { labelStatusOf } from './templatelabel/status.ts';
import { findTemplate } from './virtualappliance/find-template.ts';
import type { Scope } from './virtualappliance/scope.ts';

const UNSHARED = aTemplate({
  metadata: { name: 'secret', namespace: 'images', labels: { os: 'bsd' } },
  spec: { series: 'secret', version: '1' },
});
const HIDDEN = aLabel({ metadata: { name: 'hidden', namespace: 'images' }, spec: { templates: ['secret'] } });

interface World {
  readonly templates: readonly Template[];
  readonly labels: readonly TemplateLabel[];
}

const chosen = (template: Service['template']) => (world: World) =>
  chooseTemplate(aDeployment(), aService({ template }), { ...world, pinned: undefined });

/** Everything by which a namespace could find out what is in another one. */
const QUESTIONS: Readonly<Record<string, (world: World) => unknown>> = {
  'a task that names it': chosen({ name: 'secret', namespace: 'images' }),
  'a task that names its series': chosen({ series: 'secret', namespace: 'images' }),
  'a task that names its version': chosen({ series: 'secret', version: '1', namespace: 'images' }),
  'a task that selects it': chosen({ selector: { matchLabels: { os: 'bsd' } }, namespace: 'images' }),
  'a task that asks for a label of that namespace': chosen({ label: 'hidden', namespace: 'images' }),
  'an appliance that names it': ({ templates }) => {
    const appliance = anAppliance({ spec: { template: { name: 'secret', namespace: 'images' } } });
    return findTemplate({ appliance, context: { caches: cachesOf({ templates }) } } as unknown as Scope);
  },
  'a template whose parent it is': ({ templates }) =>
    positionOf(childOf('secret', 'images'), (key) => find(templates, key)),
  'a template whose parent is the newest of its series': ({ templates }) => {
    const parent = { series: 'secret', namespace: 'images' };
    return chooseParent(aTemplate({ metadata: { uid: 'child' }, spec: { source: { parent } } }), templates);
  },
  'a template that is to be a flat copy of it': ({ templates }) => {
    const flattened = { name: 'secret', namespace: 'images' };
    const views = { list: () => [], get: () => undefined };
    const known = { caches: cachesOf({ templates }), views } as unknown as OperatorContext;
    return sealObstacle(aTemplate({ spec: { source: { flattened } } }), known);
  },
  'a template whose grandparent it is': ({ templates }) => {
    const parent = childOf('secret', 'images', 'parent');
    return positionOf(childOf('parent'), (key) => find([...templates, parent], key));
  },
  'a label that names it': ({ templates }) => {
    const label = aLabel({ spec: { templates: ['images/secret'] } });
    const found = templatesOf(label, templates);
    const missing = missingTemplates(label, found);
    return labelStatusOf({ label, templates: found.length, missing, followers: 0, now: 0 });
  },
};

function childOf(name: string, namespace = 'default', own = 'child'): Template {
  return aTemplate({ metadata: { name: own }, spec: { source: { parent: { name, namespace } } } });
}

function find(templates: readonly Template[], key: string): Template | undefined {
  return templates.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key);
}

describe('what is not shared looks like what does not exist', () => {
  it('names no ancestor in a circle that is shared with its child only', () => {
    const shared = (template: Template, sharing: Template['spec']['sharing']) => ({
      ...template,
      spec: { ...template.spec, sharing },
    });
    const parent = shared(childOf('vault', 'vaults', 'parent'), { scope: 'Cluster' });
    const vault = shared(childOf('parent', 'default', 'vault'), { scope: 'Cluster' });
    vault.metadata.namespace = 'vaults';
    const child = childOf('parent', 'default');
    child.metadata.namespace = 'shop';
    const messageWith = (sharing: Template['spec']['sharing']) => {
      const position = positionOf(child, (key) => find([parent, shared(vault, sharing)], key));
      return 'obstacle' in position ? position.obstacle.message : '';
    };
    const circle =
      'is a circle, and a template cannot be its own ancestor: delete one of them, and make it again on another parent';
    expect(messageWith({ scope: 'Cluster' })).toBe(
      `shop/child → default/parent → vaults/vault → default/parent ${circle}`,
    );
    expect(messageWith({ scope: 'Namespaces', namespaces: ['default'] })).toBe(
      `shop/child → default/parent → (not shared) → default/parent ${circle}`,
    );
  });

  it.each(Object.entries(QUESTIONS))('to %s', (_who, ask) => {
    const nothing = ask({ templates: [], labels: [] });
    expect(ask({ templates: [UNSHARED], labels: [HIDDEN] })).toEqual(nothing);
    const shared = { ...UNSHARED, spec: { ...UNSHARED.spec, sharing: { scope: 'Cluster' as const } } };
    const visible = { ...HIDDEN, spec: { ...HIDDEN.spec, visibility: 'Cluster' as const } };
    expect(ask({ templates: [shared], labels: [visible] })).not.toEqual(nothing);
  });
});
