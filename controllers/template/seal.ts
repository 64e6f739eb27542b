import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import type { SealStatus } from '../../src/host/protocol.ts';
import type { OperatorContext } from '../context.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_UID } from '../indexes.ts';
import { sealedKey } from '../objects/template-references.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import { sealObstacles } from '../obstacles/seals.ts';

/** A template's seal, and the host that makes it. */
interface FoundSeal {
  readonly view: HostView;
  readonly seal: SealStatus;
}

/** The seal for a template, on the host that has it. */
function sealFor({ metadata }: Template, views: Iterable<HostView>): FoundSeal | undefined {
  for (const view of views) {
    const seal = view.seals.get(metadata.uid ?? '');
    if (seal !== undefined) return { view, seal };
  }
  return undefined;
}

/** The appliance that a template is made of: the one that it names, not another one of the same name. */
function sealedAppliance(
  template: Template,
  { appliances }: Pick<OperatorContext['caches'], 'appliances'>,
): VirtualAppliance | undefined {
  const { uid } = template.spec.source.appliance ?? {};
  const named = appliances.get(sealedKey(template) ?? '');
  if (uid === undefined) return named;
  return appliances.byIndex(BY_UID, uid).find((one) => keyOf(one) === sealedKey(template));
}

/** The template with its parent, as far as its appliance tells, in its status. */
export function withParent(
  template: Template,
  caches: Pick<OperatorContext['caches'], 'appliances'>,
): Template {
  const { metadata, spec, status } = template;
  if (spec.source.appliance === undefined || status?.parent !== undefined) return template;
  const appliance = sealedAppliance(template, caches);
  if (appliance === undefined) return template;
  const { name, namespace = metadata.namespace ?? 'default' } = appliance.spec.template;
  return { ...template, status: { ...status, parent: { name, namespace } } };
}

/** What keeps a template that is made of an appliance from having its layer; undefined once its status has the layer's name. */
export function sealObstacle(
  template: Template,
  { caches, views }: Pick<OperatorContext, 'caches' | 'views'>,
): Obstacle | undefined {
  const { appliance: named, build } = template.spec.source;
  if (named === undefined && build === undefined) return undefined;
  const name = sealedKey(template) ?? '';
  const found = sealFor(template, views.list());
  // The host may tell of the seal before it tells of the layer.
  if (found !== undefined) return obstacleOf(found, name);
  if (template.status?.layers?.disk !== undefined) return undefined;
  const appliance = sealedAppliance(template, caches);
  if (appliance === undefined) return sealObstacles.applianceGone(name);
  const { hostName } = appliance.spec;
  if (hostName === undefined) return sealObstacles.notPlaced(name);
  const view = views.get(hostName);
  if (view?.link.state !== 'connected') return sealObstacles.hostAway(name, hostName);
  return view.status?.seals === undefined
    ? sealObstacles.tooOld(hostName)
    : sealObstacles.soon(name, hostName);
}

function obstacleOf({ view, seal }: FoundSeal, appliance: string): Obstacle {
  const { state, problem, doneBytes, totalBytes } = seal;
  if (state === 'Ready') return sealObstacles.sealed(view.name, appliance);
  if (problem !== undefined) return sealObstacles.failed(view.name, appliance, problem, state === 'Failed');
  const percent =
    doneBytes === undefined || !totalBytes ? undefined : Math.floor((100 * doneBytes) / totalBytes);
  return sealObstacles.running(view.name, appliance, state === 'Sealing', percent);
}

/**
 * Has the appliance's host make a layer of its disk, for this template, unless a host does or did. Once the template's status has the
 * layer's name, the seal is forgotten.
 */
export async function seal(
  { caches, links, views }: OperatorContext,
  template: Template,
  signal: AbortSignal,
): Promise<void> {
  const { uid = '' } = template.metadata;
  const found = sealFor(template, views.list());
  if (template.status?.layers?.disk !== undefined) {
    const daemon = found && links.client(found.view.name);
    if (found?.seal.state === 'Ready') await (daemon && callDaemon(daemon.deleteSeal(uid, { signal })));
    return;
  }
  const appliance = sealedAppliance(template, caches);
  const view = views.get(appliance?.spec.hostName ?? '');
  const daemon = view && links.client(view.name);
  if (found !== undefined || appliance?.metadata.uid === undefined) return;
  if (view?.link.state !== 'connected' || view.status?.seals === undefined || daemon === undefined) return;
  await callDaemon(daemon.putSeal(uid, { appliance: appliance.metadata.uid }, { signal }));
}
