import { describe, expect, it } from 'vitest';
import { findCondition, setCondition } from '../../src/api/conditions.ts';
import type { Template } from '../../src/api/kinds.ts';
import { aTemplate } from '../../test/builders/objects.ts';
import { expectCondition } from '../../test/expectations/conditions.ts';
import { occurrencesOf } from '../status/occurrence.ts';
import { lifeOf, type Use } from './life.ts';
import { statusOf, TEMPLATE_EVENTS } from './status.ts';

const HOUR = 3_600_000;
const START = Date.parse('2026-01-01T00:00:00Z');
const unused: Use = { created: [], isHeld: false };

function cooling(lifecycle: Partial<Template['spec']['lifecycle']> = {}): Template {
  return aTemplate({
    spec: { lifecycle: { coolDown: '10h', retain: false, ...lifecycle } },
  });
}

/** The template with the status that an operator writes at this time. */
function lived(template: Template, hours: number, use = unused): Template {
  const now = START + hours * HOUR;
  const status = statusOf({
    template,
    guest: template.spec.guest,
    building: undefined,
    position: { depth: 1 },
    copies: {
      layers: undefined,
      ready: ['a'],
      holding: ['a'],
      failures: [],
      unshared: [],
      directories: [],
      changed: undefined,
      unbootable: undefined,
      boots: undefined,
      virtualBytes: undefined,
    },
    life: lifeOf(template, use, now),
    appliances: 0,
    lastUsedTime: undefined,
    isPartial: false,
    sealing: undefined,
    hasHosts: true,
    blocker: undefined,
    progress: undefined,
    now,
  });
  return { ...template, status };
}

describe('the life of a template', () => {
  const isDue = (template: Template, hours: number, use = unused) =>
    lifeOf(template, use, START + hours * HOUR).isDue;
  const expiring = ({ status }: Template) => findCondition(status?.conditions, 'Expiring');

  it('ends after its coolDown, and says so half of that before', () => {
    const young = lived(cooling(), 0);
    expect(young.status).toMatchObject({ unusedSince: '2026-01-01T00:00:00Z' });
    expect(expiring(young)).toBeUndefined();
    expect(lifeOf(young, unused, START).nextMs).toBe(5 * HOUR);
    const old = lived(young, 5);
    expect(expectCondition(old.status?.conditions, 'Expiring', 'True', 'Unused')).toMatch(
      /since 2026-01-01T00:00:00Z: .* at 2026-01-01T10:00:00Z, /,
    );
    expect([isDue(old, 9.9), isDue(old, 10)]).toEqual([false, true]);
    expect(occurrencesOf(TEMPLATE_EVENTS, young.status?.conditions, old.status?.conditions)).toMatchObject([
      { type: 'Warning', reason: 'Unused' },
    ]);
  });

  it('says the same from one operator to the next, to the second', () => {
    const once = lived(lived(cooling(), 0.0001), 5.0002);
    expect(lived(once, 5.5).status).toEqual(once.status);
    expect(lived(once, 9.9999).status).toEqual(once.status);
  });

  it('is announced before it ends, however late an operator comes', () => {
    const late = lived(lived(cooling(), 0), 1000);
    expect(isDue(late, 1004.9)).toBe(false);
    expect(isDue(late, 1005)).toBe(true);
  });

  it.each<[string, Use]>([
    ['an appliance', { created: ['2026-01-01T06:00:00Z'], isHeld: false }],
    ['a child or a task', { created: [], isHeld: true }],
  ])('begins again with %s', (_name, use) => {
    const old = lived(lived(cooling(), 0), 5);
    const used = lived(old, 6, use);
    expect(expiring(used)).toBeUndefined();
    expect(used.status?.unusedSince).toBeUndefined();
    expect(isDue(old, 100, use)).toBe(false);
    expect(lived(used, 7).status).toMatchObject({ unusedSince: '2026-01-01T07:00:00Z' });
  });

  it('begins again with an appliance that went before its use was noted', () => {
    const old = lived(lived(cooling(), 0), 5);
    const used = { ...old, status: { ...old.status, lastUsedTime: '2026-01-01T06:00:00Z' } };
    expect(expiring(lived(used, 7))).toBeUndefined();
  });

  it.each([
    ['no coolDown', { spec: { lifecycle: { retain: false } } }],
    ['retain', { spec: { lifecycle: { coolDown: '10h', retain: true } } }],
  ])('does not end with %s', (_name, overrides) => {
    const kept = aTemplate(overrides);
    const conditions = setCondition(
      [],
      { type: 'Expiring', status: 'True', reason: 'Unused', message: '' },
      0,
    );
    const wasCooling = { ...kept, status: { conditions, unusedSince: '2025-01-01T00:00:00Z' } };
    expect(isDue(wasCooling, 0)).toBe(false);
    expect(expiring(lived(wasCooling, 0))).toBeUndefined();
  });

  it('is not ended once more while it is deleted', () => {
    const old = lived(lived(cooling(), 0), 5);
    old.metadata.deletionTimestamp = '2026-01-01T09:00:00Z';
    expect(isDue(old, 10)).toBe(false);
  });
});
