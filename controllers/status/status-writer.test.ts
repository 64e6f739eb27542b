import { describe, expect, it } from 'vitest';
import { setCondition } from '../../src/api/conditions.ts';
import { VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { systemClock } from '../../src/base/clock.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import type { Applier } from '../../src/kube/client/apply.ts';
import { anAppliance } from '../../test/builders/objects.ts';
import { byConditions } from './occurrence.ts';
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
  const recorded: string[] = [];
  const writer = new StatusWriter({
    applier,
    ref: VIRTUAL_APPLIANCES,
    clock: systemClock,
    debounces,
    recorder: {
      record: (about, { type, reason }) => recorded.push(`${about.metadata.name} ${type} ${reason}`),
    },
    events: byConditions([{ condition: 'Ready', eventType: () => 'Normal' }]),
  });
  const write = (object: VirtualAppliance, next: Status, urgency: 'now' | 'soon' | 'none') =>
    writer.write(object, next, urgency, new AbortController().signal);
  return { writer, write, written, recorded };
}

describe('StatusWriter', () => {
  const conditions = setCondition(
    undefined,
    { type: 'Ready', status: 'False', reason: 'VMReady', message: '' },
    0,
  );
  const next: Status = { serviceState: 'VMReady', conditions };

  it('writes what is urgent, and requeues what is not', async () => {
    const { write, written } = setUp();
    expect(await write(anAppliance(), next, 'soon')).toEqual({
      type: 'requeueAfter',
      ms: expect.any(Number),
    });
    expect(written).toEqual([]);
    expect(await write(anAppliance(), next, 'now')).toEqual({ type: 'done' });
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

  it('records the Events of a status once it is written', async () => {
    const { write, recorded } = setUp();
    await write(anAppliance(), next, 'soon');
    expect(recorded).toEqual([]);
    await write(anAppliance(), next, 'now');
    await write(anAppliance({ status: next }), { ...next, url: 'http://h' }, 'now');
    expect(recorded).toEqual(['web-0 Normal VMReady']);
  });

  it('does nothing about an object that is gone, and passes every other error on', async () => {
    const fail = (status: number) => () => {
      throw new ApiError({ status, reason: 'Test', message: 'test' });
    };
    const gone = setUp(fail(404));
    expect(await gone.write(anAppliance(), next, 'now')).toEqual({ type: 'done' });
    await expect(setUp(fail(409)).write(anAppliance(), next, 'now')).rejects.toThrow('test');
    expect(gone.recorded).toEqual([]);
  });
});
