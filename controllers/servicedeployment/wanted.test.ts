import { describe, expect, it } from 'vitest';
import { aDeployment, aService } from '../../test/builders/objects.ts';
import { newAppliance, wantedAppliances } from './wanted.ts';

const none = () => undefined;

function hostnames(replicas: number, now: Readonly<Record<string, string>> = {}) {
  const service = aService({ replicas, parameters: { hostname: 'web' } });
  return wantedAppliances(
    aDeployment(),
    service,
    () => 'default/debian',
    (name) => now[name],
  ).map(({ spec }) => spec.parameters?.hostname);
}

describe('the appliances that a task wants', () => {
  it('are as many as declared: by the task, else by the service, else one', () => {
    const count = (replicas: number | undefined, ofTask?: number) => {
      const deployment = aDeployment({ spec: ofTask === undefined ? {} : { replicas: ofTask } });
      const service = aService(replicas === undefined ? {} : { replicas });
      return wantedAppliances(deployment, service, () => 'default/debian', none).length;
    };
    expect([count(undefined), count(3), count(3, 5), count(3, 0)]).toEqual([1, 3, 5, 0]);
  });

  it('have names, labels and owners that follow from the task', () => {
    const deployment = aDeployment();
    const [, second] = wantedAppliances(deployment, aService({ replicas: 2 }), () => 'images/debian', none);
    if (second === undefined) throw new Error('there is no second one');
    const { metadata, spec } = newAppliance(deployment, second);
    expect(metadata).toEqual({
      name: 'shop-web-1',
      namespace: 'default',
      labels: {
        'coppice.dev/service-deployment': 'shop',
        'coppice.dev/service': 'web',
        'coppice.dev/ordinal': '1',
      },
      finalizers: ['coppice.dev/appliance'],
      ownerReferences: [
        expect.objectContaining({
          kind: 'ServiceDeployment',
          name: 'shop',
          uid: 'uid-shop',
          controller: true,
        }),
      ],
    });
    expect(spec).toMatchObject({ powerState: 'Running', template: { name: 'debian', namespace: 'images' } });
    expect(spec.hostName).toBeUndefined();
  });

  it('have their ordinal after the hostname when there are several', () => {
    expect(hostnames(1)).toEqual(['web']);
    expect(hostnames(3)).toEqual(['web-0', 'web-1', 'web-2']);
  });

  it('keep their hostname when the service is scaled', () => {
    expect(hostnames(2, { 'shop-web-0': 'web' })).toEqual(['web', 'web-1']);
    expect(hostnames(1, { 'shop-web-0': 'web-0' })).toEqual(['web-0']);
    expect(hostnames(2, { 'shop-web-0': 'shop', 'shop-web-1': 'web' })).toEqual(['web-0', 'web-1']);
  });
});
