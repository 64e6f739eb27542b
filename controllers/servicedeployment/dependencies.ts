import type { KubeClient } from '../../src/kube/client/client.ts';
import type { Expectations } from '../../src/kube/controller/expectations.ts';
import type { EventRecorder } from '../../src/kube/events/events.ts';
import type { UnobservedWrites } from './unobserved-writes.ts';

/** What carrying out a plan needs. */
export interface Dependencies {
  readonly client: Pick<KubeClient, 'create' | 'delete' | 'replace' | 'find'>;
  readonly expectations: Expectations;
  readonly unobserved: UnobservedWrites;
  readonly recorder: Pick<EventRecorder, 'record'>;
}
