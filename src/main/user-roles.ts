import { BUILD_LOG, SUBRESOURCES, SUBRESOURCES_GROUP, UPLOAD, VERB_OF } from '../api/subresources.ts';
import { isRecord } from '../base/json.ts';

/** The default roles of Kubernetes, in the order in which each contains the one before. */
const DEFAULT_ROLES = ['view', 'edit', 'admin'] as const;

/** The name of a default role of Kubernetes. */
export type DefaultRole = (typeof DEFAULT_ROLES)[number];

type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
};

/** What a default role of Kubernetes gains by Coppice. */
export type UserRole = {
  readonly role: DefaultRole;
  /** They aggregate the rules into that role and those that contain it. */
  readonly labels: Readonly<Record<string, string>>;
  readonly rules: readonly Rule[];
};

/** As far as roles need a CustomResourceDefinition. */
type Kind = {
  readonly plural: string;
  readonly isNamespaced: boolean;
  readonly subresources: readonly string[];
};

const GROUP = 'coppice.dev';
const READ = ['get', 'list', 'watch'];
const CHANGE = ['create', 'delete', 'deletecollection', 'patch', 'update'];

/** Kinds of a namespace whose objects only its administrators change: a pool gives addresses of a network that others use, too. */
const OF_ADMINISTRATORS: readonly string[] = ['ippools'];

/**
 * What users of the default roles may do with the kinds of these CustomResourceDefinitions. A status is Coppice's to write, and so
 * are kinds of the whole cluster, except for cluster-admin.
 */
export function userRoles(crds: readonly object[]): readonly UserRole[] {
  const kinds = crds.map(kindOf).sort((left, right) => (left.plural < right.plural ? -1 : 1));
  const changed = kinds.filter(({ isNamespaced }) => isNamespaced);
  const byAdministrators = ({ plural }: Kind) => OF_ADMINISTRATORS.includes(plural);
  return [
    userRole('view', [ruleFor(kinds.flatMap(everythingOf), READ), streamRule('get')]),
    userRole('edit', [
      ...rulesToChange(changed.filter((kind) => !byAdministrators(kind))),
      streamRule('create'),
    ]),
    userRole('admin', rulesToChange(changed.filter(byAdministrators))),
  ];
}

function userRole(role: DefaultRole, rules: readonly Rule[]): UserRole {
  const containing = DEFAULT_ROLES.slice(DEFAULT_ROLES.indexOf(role));
  const labels = containing.map(
    (name) => [`rbac.authorization.k8s.io/aggregate-to-${name}`, 'true'] as const,
  );
  return { role, labels: Object.fromEntries(labels), rules };
}

function rulesToChange(kinds: readonly Kind[]): readonly Rule[] {
  const scaled = kinds.filter(({ subresources }) => subresources.includes('scale'));
  const scales = scaled.map(({ plural }) => `${plural}/scale`);
  const plurals = kinds.map(({ plural }) => plural);
  return [ruleFor(plurals, CHANGE), ...(scales.length === 0 ? [] : [ruleFor(scales, ['patch', 'update'])])];
}

function ruleFor(resources: readonly string[], verbs: readonly string[]): Rule {
  return { apiGroups: [GROUP], resources, verbs };
}

/** The streams that need this verb. API servers ask for `get`, too, of a WebSocket. */
function streamRule(verb: 'create' | 'get'): Rule {
  const names = SUBRESOURCES.filter((name) => VERB_OF[name] === verb);
  const verbs = verb === 'get' ? ['get'] : ['create', 'get'];
  const { plural, subresource } = verb === 'get' ? BUILD_LOG : UPLOAD;
  return {
    apiGroups: [SUBRESOURCES_GROUP],
    resources: [`${plural}/${subresource}`, ...names.map((name) => `virtualappliances/${name}`)],
    verbs,
  };
}

function everythingOf({ plural, subresources }: Kind): readonly string[] {
  return [plural, ...subresources.map((name) => `${plural}/${name}`)];
}

function kindOf(crd: object): Kind {
  const { spec } = crd as {
    readonly spec: {
      readonly scope: string;
      readonly names: { readonly plural: string };
      readonly versions: readonly { readonly subresources?: unknown }[];
    };
  };
  const named = spec.versions.flatMap(({ subresources }) =>
    isRecord(subresources) ? Object.keys(subresources) : [],
  );
  return {
    plural: spec.names.plural,
    isNamespaced: spec.scope === 'Namespaced',
    subresources: [...new Set(named)].sort(),
  };
}
