import { loadAll } from 'js-yaml';
import { generateOwnership } from '../../scripts/generate/ownership.ts';
import type { KubeObject, ResourceRef } from '../../src/base/object.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';

const ADMISSION = { group: 'admissionregistration.k8s.io', version: 'v1', namespaced: false } as const;
const KINDS: readonly ResourceRef[] = [
  { ...ADMISSION, kind: 'ValidatingAdmissionPolicy', plural: 'validatingadmissionpolicies' },
  { ...ADMISSION, kind: 'ValidatingAdmissionPolicyBinding', plural: 'validatingadmissionpolicybindings' },
];

/** Installs the chart's policies about owners, which the embedded API server has built in. They come into force some seconds later. */
export async function installOwnership(client: KubeClient): Promise<void> {
  const text = generateOwnership()
    .replaceAll('{{ include "coppice.fullname" . }}', 'coppice')
    .replace(/^ *labels:\n *\{\{-.*\n|^\{\{-.*\n/gm, '');
  for (const object of loadAll(text) as KubeObject[]) {
    const ref = KINDS.find(({ kind }) => kind === object.kind);
    if (ref !== undefined) await client.apply(ref, object, { fieldManager: 'coppice-test' });
  }
}
