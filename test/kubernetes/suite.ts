import { describe } from 'vitest';
import { lookForKubernetes } from './assets.ts';

/** A suite that needs Kubernetes' programs: skipped without them, and its name says how to get them. */
export async function describeOnKubernetes(title: string, suite: (programs: string) => void): Promise<void> {
  const found = await lookForKubernetes();
  if ('folder' in found) describe(title, () => suite(found.folder));
  else describe.skip(`${title} (${found.missing})`, () => suite(''));
}
