import { describeUnless } from '../skip.ts';
import { lookForKubernetes } from './assets.ts';

/** A suite that needs Kubernetes' programs; the report says how to get them where there are none. */
export async function describeOnKubernetes(title: string, suite: (programs: string) => void): Promise<void> {
  const found = await lookForKubernetes();
  const [programs, missing] = 'folder' in found ? [found.folder, undefined] : ['', found.missing];
  describeUnless(missing, title, () => suite(programs));
}
