import type { Template, VirtualAppliance } from '../../src/api/kinds.ts';
import { keyOf, parseKey } from '../../src/base/object.ts';
import { isSharedWith } from '../../src/domain/templates/sharing.ts';
import type { DesiredSeal, SealStatus } from '../../src/host/protocol.ts';
import type { OperatorContext } from '../context.ts';
import { callDaemon } from '../daemons/daemon-errors.ts';
import type { HostView } from '../daemons/view.ts';
import { BY_UID } from '../indexes.ts';
import { flattenedKey, grownFromKey, sealedKey } from '../objects/template-references.ts';
import { errorOf, type Obstacle, obstacleOf, RetryError } from '../obstacles/obstacle.ts';
import { sealObstacles } from '../obstacles/seals.ts';
import { templateObstacles } from '../obstacles/templates.ts';

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
  const { spec, status } = template;
  const { appliance: source } = spec.source;
  if (source === undefined || source.flat === true || status?.parent !== undefined) return template;
  const appliance = sealedAppliance(template, caches);
  if (appliance === undefined) return template;
  const { name, namespace = 'default' } = parseKey(grownFromKey(appliance));
  return { ...template, status: { ...status, parent: { name, namespace } } };
}

type Known = Pick<OperatorContext, 'caches' | 'views'>;

/** What a host is to seal, and which host; or what keeps it from that. */
type Request = { readonly view: HostView; readonly desired: DesiredSeal } | { readonly obstacle: Obstacle };

function requestFor(template: Template, known: Known): Request {
  return template.spec.source.flattened === undefined
    ? ofAppliance(template, known)
    : ofTemplate(template, known);
}

function ofAppliance(template: Template, { caches, views }: Known): Request {
  const name = sealedKey(template) ?? '';
  const appliance = sealedAppliance(template, caches);
  if (appliance?.metadata.uid === undefined) return { obstacle: sealObstacles.applianceGone(name) };
  const { hostName } = appliance.spec;
  if (hostName === undefined) return { obstacle: sealObstacles.notPlaced(name) };
  const view = views.get(hostName);
  if (view?.link.state !== 'connected') return { obstacle: sealObstacles.hostAway(name, hostName) };
  if (view.status?.seals === undefined) return { obstacle: sealObstacles.tooOld(hostName) };
  const { uid } = appliance.metadata;
  const { flat, memory } = template.spec.source.appliance ?? {};
  if (memory === true) return { view, desired: { kind: 'checkpoint', appliance: uid } };
  return { view, desired: { kind: 'appliance', appliance: uid, ...(flat === true ? { flat } : {}) } };
}

/** Any connected host that has the layers makes one of them. */
function ofTemplate(template: Template, { caches, views }: Known): Request {
  const { namespace } = template.metadata;
  const key = flattenedKey(template) ?? '';
  const source = caches.templates.get(key);
  if (source === undefined || !isSharedWith(source, namespace))
    return { obstacle: templateObstacles.notFound(key, namespace) };
  const { disk, data } = source.status?.layers ?? {};
  if (disk === undefined) return { obstacle: templateObstacles.notImported(key) };
  const wanted = [disk, data].filter((one) => one !== undefined);
  const view = views
    .list()
    .find(
      ({ link, layers, status }) =>
        link.state === 'connected' &&
        status?.seals !== undefined &&
        wanted.every((identity) => layers.get(identity)?.state === 'Ready'),
    );
  if (view === undefined) return { obstacle: sealObstacles.nowhere(key) };
  return { view, desired: { kind: 'layers', disk, ...(data === undefined ? {} : { data }) } };
}

/** What keeps a template that a host is to make from having its layer; undefined once its status has the layer's name. */
export function sealObstacle(template: Template, known: Known): Obstacle | undefined {
  const { appliance, build, flattened } = template.spec.source;
  if (appliance === undefined && build === undefined && flattened === undefined) return undefined;
  const found = sealFor(template, known.views.list());
  // The host may tell of the seal before it tells of the layer.
  if (found !== undefined) return obstacleIn(found, whatOf(template));
  if (template.status?.layers?.disk !== undefined) return undefined;
  const request = requestFor(template, known);
  return 'obstacle' in request ? request.obstacle : sealObstacles.soon(whatOf(template), request.view.name);
}

/** For people: of what it is made. */
function whatOf(template: Template): string {
  const flattened = flattenedKey(template);
  return flattened === undefined ? `appliance ${sealedKey(template) ?? ''}` : `template ${flattened}`;
}

function obstacleIn({ view, seal }: FoundSeal, what: string): Obstacle {
  const { state, problem, doneBytes, totalBytes } = seal;
  if (state === 'Ready') return sealObstacles.sealed(view.name, what);
  if (problem !== undefined) return sealObstacles.failed(view.name, what, problem, state === 'Failed');
  const percent =
    doneBytes === undefined || !totalBytes ? undefined : Math.floor((100 * doneBytes) / totalBytes);
  return sealObstacles.running(view.name, what, state === 'Sealing', percent);
}

/**
 * Has a host make the template's layers, of an appliance or of another template's layers, unless a host does or did. Once the
 * template's status has the layer's name, the seal is forgotten.
 * @throws RetryError when the host takes no seal now, such as on a full disk; StalledError when it refuses this one
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
  if (found !== undefined) return;
  const request = requestFor(template, { caches, views });
  const daemon = 'view' in request ? links.client(request.view.name) : undefined;
  if (!('view' in request) || daemon === undefined) return;
  try {
    await callDaemon(daemon.putSeal(uid, request.desired, { signal }));
  } catch (error) {
    const refusal = obstacleOf(error);
    if (refusal === undefined) throw error;
    const said = sealObstacles.failed(request.view.name, whatOf(template), refusal, refusal.isStalled);
    throw said.isStalled ? errorOf(said, error) : new RetryError(said, error);
  }
}
