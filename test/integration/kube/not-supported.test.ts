import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVICE_DEPLOYMENTS, TEMPLATES, VIRTUAL_APPLIANCES } from '../../../src/api/kinds.ts';
import { isRecord } from '../../../src/base/json.ts';
import type { KubeObject, ResourceRef } from '../../../src/base/object.ts';
import { planService } from '../../../src/domain/services/builders.ts';
import { readCrds } from '../../kubernetes/crds.ts';
import { startWorld, type World } from './world.ts';

const DIGEST = 'a'.repeat(64);

interface NotSupported {
  readonly ref: ResourceRef;
  /** Where its error is found. */
  readonly field: string;
  readonly spec: object;
  /** Of the rule in crds/. */
  readonly message: string;
}

const template = (field: string, change: object, message: string): NotSupported => {
  const source = { image: { url: 'file:///images/debian.qcow2', sha256: DIGEST } };
  return { ref: TEMPLATES, field: `spec.${field}`, spec: { source, ...change }, message };
};
/** The same of an appliance and of a task's service. */
const machine = (field: string, change: object, message: string): NotSupported[] => [
  {
    ref: VIRTUAL_APPLIANCES,
    field: `spec.${field}`,
    spec: { template: { name: 'debian' }, ...change },
    message,
  },
  {
    ref: SERVICE_DEPLOYMENTS,
    field: `spec.services[0].${field}`,
    spec: { services: [{ name: 'web', template: { name: 'debian' }, ...change }] },
    message,
  },
];

const FAILURE =
  'moving appliances away from a failed host is not supported yet: leave it out, and they wait for their host';
const CONTAINER = 'containers of type tomcat and systemd are not supported yet: use static-site or command';
const DISTRIBUTION = 'distribution as VMs read it (OnDemand) is not supported yet: use Copy, or Shared';

/** All that the schemas declare and nobody carries out. What is built leaves this list, and its rule leaves crds/. */
const NOT_SUPPORTED: readonly NotSupported[] = [
  ...machine('onHostFailure', { onHostFailure: 'Replace' }, FAILURE),
  ...machine('onHostFailure', { onHostFailure: 'Reschedule' }, FAILURE),
  template('guest.os', { guest: { os: 'windows' } }, 'guests with Windows are not supported yet'),
  template('container.type', { container: { type: 'tomcat' } }, CONTAINER),
  template('container.type', { container: { type: 'systemd' } }, CONTAINER),
  template('distribution.mode', { distribution: { mode: 'OnDemand' } }, DISTRIBUTION),
];

describe('what is declared and not built', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld('not-supported');
  });
  afterAll(() => world.stop());

  it.each(NOT_SUPPORTED)('is refused: $ref.kind $field', async ({ ref, field, spec, message }) => {
    const namespace = ref.namespaced ? { namespace: world.namespace } : {};
    const object = {
      apiVersion: 'coppice.dev/v1alpha1',
      kind: ref.kind,
      metadata: { name: 'x', ...namespace },
      spec,
    };
    const refusal = await world.client.create(ref, object as KubeObject).then(
      () => undefined,
      (error: Error) => error.message,
    );
    expect(refusal).toContain(field);
    expect(refusal).toContain(message);
  });
});

describe('the list of what is not built', () => {
  it('has every rule of crds/ that says so, and no other', async () => {
    const declared = messagesIn(await readCrds()).filter((message) => message.includes('not supported yet'));
    expect([...new Set(declared)].sort()).toEqual(
      [...new Set(NOT_SUPPORTED.map(({ message }) => message))].sort(),
    );
  });

  it.each(['tomcat', 'systemd'])('has the container %s, which has no builder', (type) => {
    const container = { type, port: 80 };
    const request = { serviceName: 'web', package: { kind: 'none' }, container, parameters: {} } as const;
    expect(() => planService(request)).toThrow('has no builder');
  });
});

/** The messages of all rules in a schema. */
function messagesIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(messagesIn);
  if (!isRecord(value)) return [];
  const own = typeof value.rule === 'string' && typeof value.message === 'string' ? [value.message] : [];
  return [...own, ...Object.values(value).flatMap(messagesIn)];
}
