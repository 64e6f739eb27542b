import { isSharedWith } from '../../src/domain/templates/sharing.ts';
import { grownFromKey, wholeTemplateOf } from '../objects/template-references.ts';
import { templateObstacles } from '../obstacles/templates.ts';
import { blocked, type PhaseResult, phaseDone, type Scope } from './scope.ts';

/** The template must exist, be shared with the appliance's namespace, and, unless there is a VM already, not be deleted. */
export function findTemplate(scope: Scope): PhaseResult {
  const { appliance, context } = scope;
  const { namespace } = appliance.metadata;
  const key = grownFromKey(appliance);
  const template = context.caches.templates.get(key);
  if (template === undefined || !isSharedWith(template, namespace))
    return blocked(templateObstacles.notFound(key, namespace));
  const isDeleting = template.metadata.deletionTimestamp !== undefined;
  // An appliance that has chosen its start uses that template, which stays until the appliance is gone.
  if (isDeleting && appliance.status?.vm === undefined && appliance.status?.start === undefined)
    return blocked(templateObstacles.deleting(key));
  scope.template = wholeTemplateOf(template, (parent) => context.caches.templates.get(parent));
  return phaseDone;
}
