import { it } from 'vitest';
import { describeOnKubernetes } from './suite.ts';

// Stands for the suites that run on both servers where there is only the embedded one.
await describeOnKubernetes('the operator and its client on kube-apiserver', () => {
  it('are tested by the integration suite, once more', () => undefined);
});
