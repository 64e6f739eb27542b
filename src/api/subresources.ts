/**
 * The group of an appliance's streams, of files that are pushed for templates, and of the logs of their builds. Kubernetes serves no
 * subresources of custom resources but `status` and `scale`, so they have a group of their own, which the operator serves behind the
 * API server. Roles name them by it.
 */
export const SUBRESOURCES_GROUP = 'subresources.coppice.dev';
export const SUBRESOURCES_VERSION = 'v1alpha1';

/** The front of all paths of the group. */
export const SUBRESOURCES_ROOT = `/apis/${SUBRESOURCES_GROUP}/${SUBRESOURCES_VERSION}`;

/** The console of an appliance's VM, a program in its guest, and what its console and its service printed. */
export const SUBRESOURCES = ['console', 'exec', 'log'] as const;

export type Subresource = (typeof SUBRESOURCES)[number];

const PLURAL = 'virtualappliances';

/**
 * The verb that a user needs for it. Who may only read must not type at a console, so the two that change a guest take `create`,
 * as `pods/exec` does, beside the `get` that the API server asks for a WebSocket.
 */
export const VERB_OF: Readonly<Record<Subresource, 'create' | 'get'>> = {
  console: 'create',
  exec: 'create',
  log: 'get',
};

/** Where an API server has it. */
export function subresourcePath(namespace: string, name: string, subresource: Subresource): string {
  const [space, appliance] = [namespace, name].map(encodeURIComponent);
  return `${SUBRESOURCES_ROOT}/namespaces/${space}/${PLURAL}/${appliance}/${subresource}`;
}

/** What a path of the group names; undefined for any other path. */
export function parseSubresourcePath(
  path: string,
): { readonly namespace: string; readonly name: string; readonly subresource: Subresource } | undefined {
  const front = `${SUBRESOURCES_ROOT}/namespaces/`;
  if (!path.startsWith(front)) return undefined;
  const [namespace, plural, name, subresource, ...rest] = path.slice(front.length).split('/');
  const known = SUBRESOURCES.find((one) => one === subresource);
  const isWhole = rest.length === 0 && plural === PLURAL && known !== undefined;
  return isWhole && namespace && name ? { namespace, name, subresource: known } : undefined;
}

/** The subresource to which the file of a template is pushed. */
export const UPLOAD = { plural: 'templates', subresource: 'upload' } as const;

/** The subresource that is the log of the build that made a template. */
export const BUILD_LOG = { plural: 'templates', subresource: 'log' } as const;

type OfTemplate = typeof UPLOAD | typeof BUILD_LOG;

/** Where an API server has it. */
export function templatePath(what: OfTemplate, namespace: string, template: string): string {
  const [space, name] = [namespace, template].map(encodeURIComponent);
  return `${SUBRESOURCES_ROOT}/namespaces/${space}/${what.plural}/${name}/${what.subresource}`;
}

/** The template that a path of this subresource names; undefined for any other path. */
export function parseTemplatePath(
  what: OfTemplate,
  path: string,
): { readonly namespace: string; readonly name: string } | undefined {
  const front = `${SUBRESOURCES_ROOT}/namespaces/`;
  if (!path.startsWith(front)) return undefined;
  const [namespace, plural, name, subresource, ...rest] = path.slice(front.length).split('/');
  const isWhole = rest.length === 0 && plural === what.plural && subresource === what.subresource;
  return isWhole && namespace && name ? { namespace, name } : undefined;
}

/** The group's entry in lists of groups. */
export function subresourcesGroup(): object {
  const version = {
    groupVersion: `${SUBRESOURCES_GROUP}/${SUBRESOURCES_VERSION}`,
    version: SUBRESOURCES_VERSION,
  };
  return { name: SUBRESOURCES_GROUP, versions: [version], preferredVersion: version };
}

interface ListedSubresource {
  /** `virtualappliances/console` */
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly verbs: readonly string[];
}

/** The group's APIResourceList. */
export function subresourcesList(): { readonly resources: readonly ListedSubresource[] } & Record<
  string,
  unknown
> {
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: `${SUBRESOURCES_GROUP}/${SUBRESOURCES_VERSION}`,
    resources: [
      ...SUBRESOURCES.map((subresource) => ({
        name: `${PLURAL}/${subresource}`,
        singularName: '',
        namespaced: true,
        kind: 'VirtualAppliance',
        verbs: VERB_OF[subresource] === 'get' ? ['get'] : ['create', 'get'],
      })),
      ...[UPLOAD, BUILD_LOG].map(({ plural, subresource }) => ({
        name: `${plural}/${subresource}`,
        singularName: '',
        namespaced: true,
        kind: 'Template',
        verbs: subresource === 'log' ? ['get'] : ['create', 'get'],
      })),
    ],
  };
}
