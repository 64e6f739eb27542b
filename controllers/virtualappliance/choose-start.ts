import { type Template, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { FIELD_MANAGER } from '../../src/api/labels.ts';
import { keyOf } from '../../src/base/object.ts';
import { uidOf } from '../objects/appliance.ts';
import { checkpointName, isForCheckpointOf } from '../objects/checkpoints.ts';
import { layersOf } from '../objects/template-files.ts';
import { isJudged } from '../objects/template-readiness.ts';
import { wholeTemplateOf } from '../objects/template-references.ts';
import { applianceEvents } from '../obstacles/appliances.ts';
import { startMessages } from '../obstacles/checkpoints.ts';
import { warning } from '../status/occurrence.ts';
import { found, type PhaseResult, phaseDone, type Scope } from './scope.ts';

type Start = NonNullable<NonNullable<VirtualAppliance['status']>['start']>;

/**
 * Decides once what an appliance with `start.from: Checkpoint` continues from, and stores it before the host is asked for the VM: its disk
 * stands on the layer of that template from then on, and a template with users stays. The version in the patch makes the API server refuse
 * it when another operator was first.
 */
export async function chooseStart(scope: Scope): Promise<PhaseResult> {
  const { appliance, context, signal } = scope;
  if (appliance.spec.start.from !== 'Checkpoint' || isDecided(scope)) return phaseDone;
  const own = found(scope, 'template');
  // A template shows whether it has memory once it has its layers. Until then no VM is made: describeVm reports what is missing.
  if (layersOf(own) === undefined) return phaseDone;
  const find = (key: string) => context.caches.templates.get(key);
  const { start, template } = startFrom(appliance, own, find);
  const { name, namespace, uid, resourceVersion } = appliance.metadata;
  const patch = { metadata: { uid, resourceVersion }, status: { start } };
  const options = { subresource: 'status', fieldManager: FIELD_MANAGER, signal };
  scope.appliance = await context.client.patch(VIRTUAL_APPLIANCES, { name, namespace }, patch, options);
  if (template !== undefined) scope.template = wholeTemplateOf(template, find);
  if (start.message !== undefined)
    context.recorder.record(scope.appliance, warning(applianceEvents.booted(start.message)));
  return phaseDone;
}

/** Also of one whose VM an operator had made before it stored such decisions. */
function isDecided({ appliance, view }: Scope): boolean {
  const { start, vm } = appliance.status ?? {};
  return start !== undefined || vm !== undefined || view?.appliances.has(uidOf(appliance)) === true;
}

/** What the appliance continues from: the memory that its template has, or the checkpoint of its size that its template keeps. */
function startFrom(
  { metadata: { namespace }, spec }: VirtualAppliance,
  template: Template,
  find: (key: string) => Template | undefined,
): { readonly start: Start; readonly template?: Template } {
  if (hasMemory(template)) return { start: { from: 'Checkpoint', template: template.metadata.name } };
  const boots = (message: string) => ({ start: { from: 'ColdBoot', message } }) as const;
  const key = keyOf(template);
  // Memory has the secrets of a machine.
  if (template.metadata.namespace !== namespace) return boots(startMessages.otherNamespace(key));
  if (!template.spec.checkpoint.enabled) return boots(startMessages.noMemory(key));
  const { cpu, memory } = spec.resources;
  const name = checkpointName(template.metadata.name, spec.resources) ?? '';
  const kept = find(keyOf({ name, namespace }));
  if (kept !== undefined && isForCheckpointOf(kept, template) && isUsable(kept))
    return { start: { from: 'Checkpoint', template: name }, template: kept };
  const isWanted = (template.status?.checkpoints ?? []).some((one) => one.name === name);
  return boots(isWanted ? startMessages.notSaved(key, name) : startMessages.otherSize(key, { cpu, memory }));
}

function isUsable(template: Template): boolean {
  return template.metadata.deletionTimestamp === undefined && isJudged(template) && hasMemory(template);
}

function hasMemory({ status }: Template): boolean {
  return status?.layers?.memory !== undefined && status.layers.state !== undefined;
}
