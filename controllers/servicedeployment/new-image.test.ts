import { describe, expect, it } from 'vitest';
import { aDeployment, anAppliance, aService, aTemplate } from '../../test/builders/objects.ts';
import { fc } from '../../test/fuzz.ts';
import { imageNames, seriesOf, wantedImage } from './new-image.ts';

const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const OBJECT_NAME = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;

describe('the name of an image', () => {
  it('is that of the service and the recall, and of the replica but for the first', () => {
    expect(imageNames('shop', 'web', 2, 0)[0]).toBe('shop-web-2');
    expect(imageNames('shop', 'web', 2, 11)[0]).toBe('shop-web-2-11');
  });

  it('has another one at hand: two services may come to the same', () => {
    const [of, other] = [imageNames('shop', 'web', 1, 2), imageNames('shop', 'web-1', 2, 0)];
    expect(of[0]).toBe(other[0]);
    expect(of[1]).not.toBe(other[1]);
  });

  const names = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
  it('is one that a template may have, and ends with the numbers, however long the names are', () => {
    fc.assert(
      fc.property(
        names,
        fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/),
        fc.integer({ min: 1, max: 2 ** 31 - 1 }),
        fc.integer({ min: 0, max: 9999 }),
        (task, service, recall, ordinal) => {
          const suffix = ordinal === 0 ? `-${recall}` : `-${recall}-${ordinal}`;
          for (const name of imageNames(task, service, recall, ordinal)) {
            expect(name.length).toBeLessThanOrEqual(63);
            expect(name).toMatch(OBJECT_NAME);
            expect(name.endsWith(suffix)).toBe(true);
          }
          expect(seriesOf(task, service)).toMatch(LABEL);
          expect(seriesOf(task, service).length).toBeLessThanOrEqual(63);
        },
      ),
    );
  });

  it('tells long names apart, and tasks whose names have dots', () => {
    const long = 'a'.repeat(60);
    expect(imageNames(long, 'web', 1, 0)).not.toEqual(imageNames(long, 'wex', 1, 0));
    expect(seriesOf('a.b', 'web')).not.toBe(seriesOf('a-b', 'web'));
  });
});

describe('the machine that an image is of', () => {
  const first = '11111111-1111-4111-8111-111111111111';
  const parent = aTemplate({
    spec: {
      recalled: { task: 'shop', service: 'web', ordinal: 0, recall: 1, machine: first, template: {} },
    },
  });
  const machineOf = (name: string) => {
    const appliance = anAppliance({ metadata: { name, uid: `uid-${name}` } });
    const { template } = wantedImage(aDeployment(), aService(), appliance, parent, 2);
    return template.spec.recalled?.machine;
  };

  it('stays the first appliance when that one is recalled again, and is a new one otherwise', () => {
    expect(machineOf('shop-web-0')).toBe(first);
    expect(machineOf('shop-web-1')).toBe('uid-shop-web-1');
  });

  it('has its agent already, whose packages may be gone, and leaves its kernel to its parent', () => {
    const guest = { os: 'linux', agentPackages: [], boot: { kernel: {}, commandLine: '' } } as never;
    const { template } = wantedImage(
      aDeployment(),
      aService(),
      anAppliance(),
      aTemplate({ spec: { guest } }),
      1,
    );
    expect(template.spec.guest).toEqual({ os: 'linux' });
  });
});
