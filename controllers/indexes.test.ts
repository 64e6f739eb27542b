import { describe, expect, it } from 'vitest';
import { controllerReference, keyOf } from '../src/base/object.ts';
import { createStore } from '../src/kube/informer/store.ts';
import { aDeployment, anAppliance, anImportedTemplate, aTemplate } from '../test/builders/objects.ts';
import { LAYER } from '../test/builders/reports.ts';
import { APPLIANCE_INDEXES, BY_DIGEST, BY_LAYER, BY_OWNER, ownerKey, TEMPLATE_INDEXES } from './indexes.ts';

describe('the appliances of a task', () => {
  it('are those of its own namespace only, whatever owner appliances elsewhere name', () => {
    const task = aDeployment();
    const ownerReferences = [controllerReference(task)];
    const own = anAppliance({ metadata: { name: 'shop-web-0', ownerReferences } });
    const posing = anAppliance({ metadata: { name: 'shop-web-0', namespace: 'other', ownerReferences } });
    const store = createStore(APPLIANCE_INDEXES);
    for (const appliance of [own, posing, anAppliance()]) store.set(appliance);
    expect(store.byIndex(BY_OWNER, ownerKey('default', 'uid-shop'))).toEqual([own]);
  });
});

describe('the templates of a layer', () => {
  it('are those of all namespaces whose files became it; those of a file name its digest', () => {
    const store = createStore(TEMPLATE_INDEXES);
    const other = anImportedTemplate({ metadata: { namespace: 'other' } });
    const waiting = aTemplate({ metadata: { name: 'waiting' } });
    for (const template of [anImportedTemplate(), other, waiting]) store.set(template);
    const found = (index: string, value: string) => store.byIndex(index, value).map((one) => keyOf(one));
    expect(found(BY_LAYER, LAYER)).toEqual(['default/debian', 'other/debian']);
    expect(found(BY_DIGEST, 'a'.repeat(64))).toEqual(['default/debian', 'other/debian', 'default/waiting']);
  });
});
