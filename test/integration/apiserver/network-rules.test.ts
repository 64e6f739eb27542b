import { describe, expect, it } from 'vitest';
import { IP_LEASES, IP_POOLS, SERVICE_DEPLOYMENTS, VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import { lease, networkRefusals, pool, type Scenario } from '../../e2e/network-refusals.ts';
import { aTask, type Manifest, manifest } from '../../e2e/tasks.ts';
import { rulesApi } from './rules-api.ts';

const KINDS: readonly ResourceRef[] = [IP_LEASES, IP_POOLS, SERVICE_DEPLOYMENTS, VIRTUAL_APPLIANCES];

/** Not among the others: an operator removes a lease of nobody. */
const changedLease: Scenario = {
  rule: 'a lease that is changed',
  before: lease('10.0.0.7', '10.0.0.7'),
  refused: { ...lease('10.0.0.7', '10.0.0.7'), spec: { ...lease('', '10.0.0.7').spec, hostName: 'host-b' } },
  says: ['spec', 'a lease cannot be changed'],
};

/** That the rules hold on a real API server as on the embedded one: COPPICE_TEST_API=kube-apiserver. */
describe('the rules about pools and networks', () => {
  const server = rulesApi(KINDS);

  const apply = (object: Manifest) =>
    server.kube.apply(server.refOf(object), object, { fieldManager: 'user' }) as Promise<
      KubeObject & { spec: unknown }
    >;

  it.each([...networkRefusals, changedLease])('$rule: refused', async ({ before, refused, says }) => {
    if (before !== undefined) await apply(before);
    // As people's clients do: the server-side kind of apply words some refusals differently.
    const write =
      before === undefined
        ? server.kube.create(server.refOf(refused), refused as KubeObject)
        : apply(refused);
    const error = await write.then(
      () => new Error('it was taken'),
      (caught: Error) => caught,
    );
    for (const words of says) expect(error.message).toContain(words);
    await server.kube.delete(server.refOf(refused), refused.metadata);
  });

  const everything = pool({
    ranges: [
      { start: '10.0.0.1', end: '10.0.0.9' },
      { start: '10.0.0.200', end: '10.0.0.200' },
    ],
    exclusions: ['10.0.0.5'],
    reservations: [{ address: '10.0.0.200', appliance: 'db' }],
    gateway: '10.0.0.254',
    dns: ['10.0.0.254', 'fd00::53'],
  });
  const ipv6 = {
    family: 'IPv6',
    ranges: [{ start: 'fd00::', end: 'fd00::ffff:ffff:ffff:ffff' }],
    prefix: 64,
  };

  it.each([
    ['a pool with everything', everything],
    [
      'a pool of a whole /64',
      pool({ ...ipv6, gateway: 'fd00::1', reservations: [{ address: 'fd00::a', appliance: 'db' }] }),
    ],
    ['a pool of two addresses', pool({ ranges: [{ start: '10.0.0.2', end: '10.0.0.3' }], prefix: 31 })],
    [
      'a pool of a three-digit prefix',
      pool({ ...ipv6, ranges: [{ start: 'fd00::10', end: 'fd00::1f' }], prefix: 124 }),
    ],
    ['a pool of a one-digit prefix', pool({ ranges: [{ start: '10.0.0.1', end: '10.255.0.1' }], prefix: 8 })],
    ['a service of a pool', aTask('taken', { network: { pool: 'lan' }, replicas: 3 })],
    [
      'a service with an address',
      aTask('taken', { network: { mode: 'Bridge', pool: 'lan', address: 'fd00::7' } }),
    ],
    [
      'an appliance with ports',
      manifest('VirtualAppliance', 'taken', {
        template: { name: 'none' },
        network: { pool: 'lan', ports: [{ name: 'admin', port: 9000 }] },
      }),
    ],
  ])('%s: taken as it is', async (_, object) => {
    const { spec } = await apply(object);
    expect(spec).toMatchObject(object.spec);
    await server.remove(object);
  });

  it('an appliance says how it is reached only where somebody said so', async () => {
    const object = manifest('VirtualAppliance', 'silent', { template: { name: 'none' } });
    expect((await apply(object)).spec).toMatchObject({ network: {} });
    await server.kube.delete(VIRTUAL_APPLIANCES, object.metadata);
  });
});
