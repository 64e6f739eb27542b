import { describe, expect, it } from 'vitest';
import { ApiError } from '../api-error.ts';
import { THINGS, thing } from '../testing/things.ts';
import type { KubeClient } from './client.ts';
import { addFinalizer, removeFinalizer } from './finalizer.ts';

function setup(failure?: ApiError) {
  const patches: unknown[] = [];
  const patch: KubeClient['patch'] = async (_ref, name, body) => {
    patches.push({ name, body });
    if (failure !== undefined) {
      throw failure;
    }
    return { ...thing('a', '2'), ...body } as never;
  };
  return { client: { patch }, patches };
}

const gone = new ApiError({ status: 404, reason: 'NotFound', message: 'gone' });
const conflict = new ApiError({ status: 409, reason: 'Conflict', message: 'changed' });

describe('adding a finalizer', () => {
  it('keeps the others, and patches the object only in the state that was read', async () => {
    const { client, patches } = setup();
    await addFinalizer(client, THINGS, thing('a', '1', { finalizers: ['x/y'] }), 'coppice.dev/thing');
    expect(patches).toEqual([
      {
        name: { namespace: 'demo', name: 'a' },
        body: { metadata: { uid: 'uid-a', resourceVersion: '1', finalizers: ['x/y', 'coppice.dev/thing'] } },
      },
    ]);
  });

  it.each([
    ['has it', thing('a', '1', { finalizers: ['coppice.dev/thing'] })],
    ['is being deleted', thing('a', '1', { deletionTimestamp: '2030-01-01T00:00:00Z' })],
  ])('does nothing when the object %s', async (_name, object) => {
    const { client, patches } = setup();
    expect(await addFinalizer(client, THINGS, object, 'coppice.dev/thing')).toBe(object);
    expect(patches).toEqual([]);
  });
});

describe('removing a finalizer', () => {
  const object = thing('a', '1', { finalizers: ['coppice.dev/thing', 'x/y'] });

  it('keeps the others', async () => {
    const { client, patches } = setup();
    await removeFinalizer(client, THINGS, object, 'coppice.dev/thing');
    expect(patches).toMatchObject([{ body: { metadata: { resourceVersion: '1', finalizers: ['x/y'] } } }]);
  });

  it('does nothing when the object does not have it', async () => {
    const { client, patches } = setup();
    await removeFinalizer(client, THINGS, thing('a', '1'), 'coppice.dev/thing');
    expect(patches).toEqual([]);
  });

  it('resolves with undefined when the object is gone', async () => {
    expect(await removeFinalizer(setup(gone).client, THINGS, object, 'coppice.dev/thing')).toBeUndefined();
  });

  it('rejects when the object changed meanwhile', async () => {
    await expect(removeFinalizer(setup(conflict).client, THINGS, object, 'coppice.dev/thing')).rejects.toBe(
      conflict,
    );
  });
});
