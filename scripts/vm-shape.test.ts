import { describe, expect, it } from 'vitest';
import { differenceOf } from '../controllers/servicedeployment/difference.ts';
import { desiredOf } from '../controllers/virtualappliance/describe-vm.ts';
import type { VirtualAppliance } from '../src/api/kinds.ts';
import type { WholeTemplate } from '../src/domain/templates/inherit.ts';
import { VM_FIELDS, VM_PARTS } from '../src/domain/vm-shape.ts';
import type { DesiredAppliance } from '../src/host/protocol.ts';
import { desiredApplianceSchema } from '../src/host/schemas.ts';
import { checkChange } from '../src/hostd/appliance/manager.ts';
import { anAppliance, anImportedTemplate } from '../test/builders/objects.ts';
import { fc } from '../test/fuzz.ts';

type Spec = VirtualAppliance['spec'];

const LAYERS: Readonly<Record<string, string>> = { debian: '1'.repeat(64), alpine: '2'.repeat(64) };

function templateOf({ template: { name } }: Spec): WholeTemplate {
  return anImportedTemplate({ metadata: { name }, status: { layers: { disk: LAYERS[name] ?? '' } } });
}

/** Without a size it stays as it is. */
const shrinks = (old: DesiredAppliance, next: DesiredAppliance) =>
  (next.disk.sizeBytes ?? Number.POSITIVE_INFINITY) < (old.disk.sizeBytes ?? 0) ||
  (next.disk.dataBytes ?? 0) < (old.disk.dataBytes ?? 0);

/** An appliance's spec in every part of which something may differ, each value written in more than one way. */
const specs: fc.Arbitrary<Partial<Spec>> = fc.record({
  template: fc.constantFrom({ name: 'debian' }, { name: 'debian', namespace: 'default' }, { name: 'alpine' }),
  resources: fc.constantFrom(
    { cpu: 1, memory: '1Gi' },
    { cpu: '1000m', memory: '1024Mi' },
    { cpu: 2, memory: '1Gi' },
  ),
  disk: fc.constantFrom<Spec['disk']>(
    { mode: 'Incremental' },
    { mode: 'Clone' },
    { mode: 'Clone', size: '4Gi' },
    { mode: 'Clone', size: '4096Mi' },
    { mode: 'Clone', size: '8Gi' },
    { mode: 'Clone', data: { size: '1Gi' } },
    { mode: 'Clone', size: '8Gi', data: { size: 2_147_483_648 } },
  ),
  network: fc.constantFrom<Spec['network']>(
    {},
    { mode: 'User' },
    { mode: 'User', ports: [{ name: 'metrics', port: 9100 }] },
    { ports: [{ name: 'metrics', port: 9100, hostPort: 20_000 }] },
  ),
  parameters: fc.constantFrom({}, { hostname: 'shop' }, { env: { MODE: 'prod' } }),
  timeouts: fc.constantFrom(
    { agentSeconds: 300, serviceSeconds: 300 },
    { agentSeconds: 30, serviceSeconds: 300 },
  ),
  placement: fc.constantFrom({}, { hosts: ['host-a'] }),
});

describe('what shapes a VM', () => {
  it('is the same to the task, which replaces, and to the daemon, which refuses', () => {
    let replaced = 0;
    fc.assert(
      fc.property(specs, specs, (before, after) => {
        const [known, wanted] = [anAppliance({ spec: before }), anAppliance({ spec: after })];
        const difference = differenceOf(known, { name: 'web-0', ordinal: 0, labels: {}, spec: wanted.spec });
        const [old, next] = [known, wanted].map(
          (appliance) => desiredOf(appliance, templateOf(appliance.spec), undefined).appliance,
        );
        if (old === undefined || next === undefined) throw new Error('two appliances were wanted');
        const refusal = refusalOf(() => checkChange(old, next));
        if (difference === 'replace') {
          replaced += 1;
          expect(refusal).toMatchObject({ reason: 'Immutable' });
        } else if (shrinks(old, next)) expect(refusal).toMatchObject({ reason: 'DiskShrinks' });
        else expect(refusal).toBeUndefined();
      }),
      { numRuns: 500 },
    );
    expect(replaced).toBeGreaterThan(50);
    expect(replaced).toBeLessThan(500);
  });

  it.each(VM_PARTS)('a task replaces an appliance for %s', (part) => {
    const others: Pick<Spec, (typeof VM_PARTS)[number]> = {
      template: { name: 'alpine' },
      disk: { mode: 'Clone' },
      network: { mode: 'User', ports: [{ name: 'metrics', port: 9100 }] },
    };
    const spec = anAppliance({ spec: { [part]: others[part] } }).spec;
    expect(differenceOf(anAppliance(), { name: 'web-0', ordinal: 0, labels: {}, spec })).toBe('replace');
  });

  it.each(VM_FIELDS)('a daemon refuses another %s', (field) => {
    const known = desiredOf(anAppliance(), anImportedTemplate(), undefined).appliance;
    const refusal = refusalOf(() => checkChange(known, { ...known, [field]: { other: true } }));
    expect(refusal).toMatchObject({ reason: 'Immutable', message: expect.stringContaining(`${field} of`) });
  });

  it('leaves no field of what a daemon receives without a place', () => {
    const inPlace = [
      'generation',
      'powerState',
      'resources',
      'checkpoint',
      'capturable',
      'service',
      'cloudInit',
      'build',
    ];
    const timeouts = ['agentTimeoutSeconds', 'serviceTimeoutSeconds'];
    const identity = ['uuid', 'namespace', 'name'];
    const { properties } = desiredApplianceSchema as { readonly properties?: object };
    expect(Object.keys(properties ?? {}).sort()).toEqual(
      [...identity, ...inPlace, ...timeouts, ...VM_FIELDS].sort(),
    );
  });
});

function refusalOf(change: () => void): unknown {
  try {
    change();
  } catch (error) {
    return error;
  }
  return undefined;
}
