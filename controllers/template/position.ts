import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/api/object.ts';
import { parentChain } from '../../src/domain/templates/tree.ts';
import { isSharedWith, notShared, parentKey } from '../objects/template-references.ts';

/** What is wrong with a template that one object alone cannot show. `isStalled`: until a person changes something. */
export interface TemplateObstacle {
  readonly reason: string;
  readonly message: string;
  readonly isStalled: boolean;
}

/** Where a template stands in the tree (SO-MVDS 3.1): its depth, 1 for a basic one, or what is in the way. */
export type Standpoint = { readonly depth: number } | { readonly obstacle: TemplateObstacle };

/** @param find by namespace/name */
export function standpointOf(template: Template, find: (key: string) => Template | undefined): Standpoint {
  const own = keyOf(template);
  const at = (key: string) => (key === own ? template : find(key));
  const result = parentChain(own, (key) => {
    const one = at(key);
    return one === undefined ? undefined : parentKey(one);
  });
  if (result.problem !== undefined) {
    // A parent may still be created; a circle and a chain that is too deep go away only by a change.
    return { obstacle: { ...result.problem, isStalled: result.problem.reason !== 'ParentNotFound' } };
  }
  return unsharedParent(template, at) ?? buildObstacle(template) ?? { depth: result.chain.length };
}

function unsharedParent(
  template: Template,
  find: (key: string) => Template | undefined,
): Standpoint | undefined {
  const key = parentKey(template);
  const parent = key === null ? undefined : find(key);
  const { namespace } = template.metadata;
  if (parent === undefined || isSharedWith(parent, namespace)) return undefined;
  return { obstacle: { reason: 'ParentNotShared', message: notShared(parent, namespace), isStalled: false } };
}

function buildObstacle({ spec }: Template): Standpoint | undefined {
  if (spec.source.parent === undefined) return undefined;
  const message =
    'building a layer on another template is not supported yet: use a template with an image of its own';
  return { obstacle: { reason: 'NotSupportedYet', message, isStalled: true } };
}
