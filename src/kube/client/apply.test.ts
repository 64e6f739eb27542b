import { describe, expect, it } from 'vitest';
import { THINGS, type Thing, thing } from '../testing/things.ts';
import { createApplier } from './apply.ts';
import type { ApplyConfiguration, ApplyOptions, KubeClient } from './client.ts';

function setup() {
  const sent: {
    readonly verb: string;
    readonly object: ApplyConfiguration;
    readonly options: ApplyOptions;
  }[] = [];
  const answer =
    (verb: string): KubeClient['apply'] =>
    async (ref, object, options) => {
      sent.push({ verb, object, options });
      return {
        ...object,
        metadata: { ...object.metadata, uid: 'uid-a', resourceVersion: '9' },
        kind: ref.kind,
      } as never;
    };
  const applier = createApplier({ apply: answer('apply'), applyStatus: answer('applyStatus') }, 'tester');
  return { applier, sent };
}

const desired = (spec: Record<string, unknown>) => ({
  apiVersion: 'test.dev/v1',
  kind: 'Thing',
  metadata: { namespace: 'demo', name: 'a' },
  spec,
});
const cached = (spec: Record<string, unknown>): Thing => ({ ...thing('a', '9'), spec });

describe('applying a status', () => {
  it('sends the whole status and nothing else, as the field manager', async () => {
    const { applier, sent } = setup();
    await applier.status(THINGS, thing('a', '5'), { phase: 'Ready' });
    expect(sent).toEqual([
      {
        verb: 'applyStatus',
        object: {
          apiVersion: 'test.dev/v1',
          kind: 'Thing',
          metadata: { namespace: 'demo', name: 'a' },
          status: { phase: 'Ready' },
        },
        options: { fieldManager: 'tester', signal: undefined },
      },
    ]);
  });

  it('sends nothing when the object has the status already', async () => {
    const { applier, sent } = setup();
    const object = { ...thing('a', '5'), status: { phase: 'Ready', urls: ['x'] } };
    expect(await applier.status(THINGS, object, { urls: ['x'], phase: 'Ready' })).toBeUndefined();
    expect(sent).toEqual([]);
    await applier.status(THINGS, object, { phase: 'Ready' });
    expect(sent).toHaveLength(1);
  });
});

describe('applying an object', () => {
  it('creates an object that is missing', async () => {
    const { applier, sent } = setup();
    const applied = await applier.object(THINGS, desired({ size: 1 }), undefined);
    expect(applied?.metadata.uid).toBe('uid-a');
    expect(sent).toHaveLength(1);
  });

  it('sends nothing the second time, even if defaults were added', async () => {
    const { applier, sent } = setup();
    await applier.object(THINGS, desired({ size: 1 }), undefined);
    expect(
      await applier.object(THINGS, desired({ size: 1 }), cached({ size: 1, color: 'red' })),
    ).toBeUndefined();
    expect(sent).toHaveLength(1);
  });

  it('sends again when somebody else changed a field', async () => {
    const { applier, sent } = setup();
    await applier.object(THINGS, desired({ size: 1 }), undefined);
    await applier.object(THINGS, desired({ size: 1 }), cached({ size: 2 }));
    expect(sent).toHaveLength(2);
  });

  it('sends a configuration that leaves out a former field, so that the field is removed', async () => {
    const { applier, sent } = setup();
    await applier.object(THINGS, desired({ size: 1, color: 'red' }), undefined);
    await applier.object(THINGS, desired({ size: 1 }), cached({ size: 1, color: 'red' }));
    expect(sent).toHaveLength(2);
  });

  it('does not rely on its memory for another object of the same name, or after forget', async () => {
    const { applier, sent } = setup();
    await applier.object(THINGS, desired({ size: 1 }), undefined);
    const other = { ...cached({ size: 1 }), metadata: { ...cached({}).metadata, uid: 'uid-b' } };
    await applier.object(THINGS, desired({ size: 1 }), other);
    expect(sent).toHaveLength(2);
    applier.forget(THINGS, 'demo/a');
    await applier.object(THINGS, desired({ size: 1 }), cached({ size: 1 }));
    expect(sent).toHaveLength(3);
  });
});
