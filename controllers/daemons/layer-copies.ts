import type { Template } from '../../src/api/kinds.ts';
import { identitiesOf, layersOf } from '../objects/template-files.ts';
import type { HostView } from './view.ts';

/** How many connected hosts have all layers of a template whole; 0 while its layers are not known. */
export function copiesOn(views: readonly HostView[], template: Template): number {
  const names = identitiesOf(layersOf(template));
  if (names.length === 0) return 0;
  return views.filter(
    ({ link, layers }) =>
      link.state === 'connected' && names.every((name) => layers.get(name)?.state === 'Ready'),
  ).length;
}
