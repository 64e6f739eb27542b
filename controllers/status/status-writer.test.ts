import { describe, expect, it } from 'vitest';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { systemClock } from '../../src/base/clock.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import type { Applier } from '../../src/kube/client/apply.ts';
import { anAppliance } from '../../test/builders/objects.ts';
import { StatusWriter } from './status-writer.ts';

type Status = NonNullable<VirtualAppliance['status']>;

function setUp(apply: (status: unknown) => void = () => undefined) {
  const written: unknown[] = [];
  const applier: Applier = {
    status: async (_ref, object, status) => {
      apply(status);
      written.push(status);
      return object;
    },
    object: async () => undefined,
    forget: () => undefined,
  };
  const debounces = { soon: { settleMs: 1000, maxMs: 5000 } };
  const writer = new StatusWriter({ applier, ref: VIRTUAL_APPLIANCES, clock: systemClock, debounces });
  const write = (object: VirtualAppliance, next: Status, urgency: 'now' | 'soon' | 'none') =>
    writer.write(object, next, urgency, new AbortController().signal);
  return { writer, write, written };
}

describe('StatusWriter', () => {
  const next: Status = { serviceState: 'VMReady' };

  it('writes what is urgent, and comes back for what is not', async () => {
    const { write, written } = setUp();
    expect(await write(anAppliance(), next, 'soon')).toEqual({
      isWritten: false,
      result: { type: 'requeueAfter', ms: expect.any(Number) },
    });
    expect(written).toEqual([]);
    expect(await write(anAppliance(), next, 'now')).toEqual({ isWritten: true, result: { type: 'done' } });
    expect(written).toEqual([next]);
  });

  it('knows what it wrote until the cache shows another version', async () => {
    const { writer, write } = setUp();
    await write(anAppliance(), next, 'now');
    expect(writer.latest(anAppliance()).status).toEqual(next);
    const newer = anAppliance({
      metadata: { resourceVersion: '2' },
      status: { serviceState: 'ContainerReady' },
    });
    expect(writer.latest(newer)).toBe(newer);
    writer.forget('default/web-0');
    expect(writer.latest(anAppliance()).status).toBeUndefined();
  });

  it('has nobody to tell when the object is gone, and passes every other error on', async () => {
    const fail = (status: number) => () => {
      throw new ApiError({ status, reason: 'Test', message: 'test' });
    };
    expect(await setUp(fail(404)).write(anAppliance(), next, 'now')).toMatchObject({ isWritten: false });
    await expect(setUp(fail(409)).write(anAppliance(), next, 'now')).rejects.toThrow('test');
  });
});
