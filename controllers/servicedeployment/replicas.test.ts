import { describe, expect, it } from 'vitest';
import type { ServiceDeployment } from '../../src/api/kinds.ts';
import { ApiError } from '../../src/kube/api-error.ts';
import { aDeployment, aService } from '../../test/builders/objects.ts';
import { expectCondition } from '../../test/expectations/conditions.ts';
import { fillReplicas } from './replicas.ts';
import { statusOf } from './status.ts';
import { replicasOf } from './wanted.ts';

interface Case {
  readonly task?: number;
  readonly service?: number;
  /** What the status says was carried over last. */
  readonly carried?: number;
  /** What the annotation says. */
  readonly recorded?: string;
}

const ANNOTATION = 'coppice.dev/carried-replicas';

function taskWith({ task, service, carried, recorded }: Case): ServiceDeployment {
  return aDeployment({
    ...(recorded === undefined ? {} : { metadata: { annotations: { [ANNOTATION]: recorded } } }),
    spec: {
      services: [aService(service === undefined ? {} : { replicas: service })],
      ...(task === undefined ? {} : { replicas: task }),
    },
    ...(carried === undefined ? {} : { status: { declaredReplicas: carried } }),
  });
}

/** The task after the operator looked at it once. */
async function afterwards(task: ServiceDeployment, error?: ApiError): Promise<ServiceDeployment> {
  const patch = async (_ref: unknown, _name: unknown, change: ServiceDeployment) => {
    if (error !== undefined) throw error;
    expect(change).toMatchObject({ metadata: { uid: task.metadata.uid, resourceVersion: '1' } });
    const metadata = { ...task.metadata, annotations: change.metadata.annotations };
    return { ...task, metadata, spec: { ...task.spec, ...change.spec } };
  };
  return await fillReplicas({ patch } as never, task, new AbortController().signal);
}

async function filled(task: ServiceDeployment, error?: ApiError): Promise<number | undefined> {
  return (await afterwards(task, error)).spec.replicas;
}

const asking = (task: ServiceDeployment, replicas: number): ServiceDeployment => ({
  ...task,
  spec: { ...task.spec, services: [aService({ replicas })] },
});

describe("the number of a task's replicas", () => {
  it.each<[string, Case, number]>([
    ['is filled in before anybody scales', { service: 3 }, 3],
    ['is one where nobody says anything', {}, 1],
    ['is none where the service asks for none', { service: 0 }, 0],
    ['is filled in again when somebody removes it', { service: 3, carried: 3 }, 3],
    ['stays what somebody scaled to', { task: 5, service: 3, carried: 3 }, 5],
    ['stays what it was before an upgrade of the operator', { task: 5, service: 3 }, 5],
    ['follows a later change of the service', { task: 5, service: 4, carried: 3 }, 4],
    ['follows the service to its default', { task: 5, carried: 3 }, 1],
    [
      'goes by the record, which is newer than the status',
      { task: 1, service: 3, carried: 3, recorded: '1' },
      3,
    ],
    ['is no change where the status alone is older', { task: 5, service: 4, carried: 3, recorded: '4' }, 5],
    ['is filled in whatever the record is', { service: 3, recorded: 'many' }, 3],
  ])('%s', async (_, numbers, expected) => {
    expect(await filled(taskWith(numbers))).toBe(expected);
  });

  it('follows a change that is taken back before the status is written', async () => {
    const before = await afterwards(taskWith({ service: 3, carried: 3 }));
    const changed = await afterwards(asking(before, 1));
    expect(changed.spec.replicas).toBe(1);
    expect(await filled(asking(changed, 3))).toBe(3);
  });

  it('is not written again when it is recorded, though somebody scaled meanwhile', async () => {
    const { metadata } = await afterwards(taskWith({ task: 5, service: 3 }));
    expect(metadata.annotations).toEqual({ [ANNOTATION]: '3' });
    const failing = new ApiError({ status: 500, reason: 'InternalError', message: 'it was written' });
    expect(await filled(taskWith({ task: 7, service: 3, recorded: '3' }), failing)).toBe(7);
  });

  it('is left alone when another writer was faster', async () => {
    const conflict = new ApiError({ status: 409, reason: 'Conflict', message: 'it changed' });
    expect(await filled(taskWith({ service: 3 }), conflict)).toBeUndefined();
    const refused = new ApiError({ status: 403, reason: 'Forbidden', message: 'no' });
    await expect(filled(taskWith({ service: 3 }), refused)).rejects.toThrow('no');
  });

  it('is ignored, and the task says so, with several services', async () => {
    const [web, api] = [aService({ replicas: 2 }), aService({ name: 'api' })];
    const task = aDeployment({ spec: { replicas: 7, services: [web, api] } });
    expect(await filled(task)).toBe(7);
    expect([replicasOf(task, web), replicasOf(task, api)]).toEqual([2, 1]);
    const facts = { services: [], leftovers: [], prediction: undefined, silentMs: 0, now: 0 };
    const status = statusOf({ ...facts, deployment: task });
    expect(expectCondition(status.conditions, 'ReplicasIgnored', 'True', 'SeveralServices')).toContain(
      'remove it',
    );
    expect(status.declaredReplicas).toBeUndefined();
    const alone = { ...task, status, spec: { ...task.spec, services: [web] } };
    const after = statusOf({ ...facts, deployment: alone });
    expectCondition(after.conditions, 'ReplicasIgnored', 'False', 'OneNumber');
    expect(after.declaredReplicas).toBe(2);
  });
});
