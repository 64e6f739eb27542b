import { describe, expect, it } from 'vitest';
import { controllerReference } from '../src/base/object.ts';
import { createStore } from '../src/kube/informer/store.ts';
import { aDeployment, anAppliance } from '../test/builders/objects.ts';
import { APPLIANCE_INDEXES, BY_OWNER, ownerKey } from './indexes.ts';

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
