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
  /** What was carried over last. */
  readonly carried?: number;
}

function taskWith({ task, service, carried }: Case): ServiceDeployment {
  return aDeployment({
    spec: {
      services: [aService(service === undefined ? {} : { replicas: service })],
      ...(task === undefined ? {} : { replicas: task }),
    },
    ...(carried === undefined ? {} : { status: { declaredReplicas: carried } }),
  });
}

async function filled(task: ServiceDeployment, error?: ApiError): Promise<number | undefined> {
  const patch = async (_ref: unknown, _name: unknown, change: object) => {
    if (error !== undefined) throw error;
    expect(change).toMatchObject({ metadata: { uid: task.metadata.uid, resourceVersion: '1' } });
    return { ...task, spec: { ...task.spec, ...(change as ServiceDeployment).spec } };
  };
  const found = await fillReplicas({ patch } as never, task, new AbortController().signal);
  return found.spec.replicas;
}

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
  ])('%s', async (_, numbers, expected) => {
    expect(await filled(taskWith(numbers))).toBe(expected);
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
