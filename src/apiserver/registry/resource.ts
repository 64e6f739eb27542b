import type { User } from '../auth/types.ts';
import type { GoStruct } from '../codec/go-types.ts';
import type { MergeKeys } from '../codec/strategic-merge.ts';
import type { FieldGetters } from '../selectors/field-selector.ts';
import type {
  CompiledSchema,
  FieldError,
  JsonObject,
  JsonSchema,
  KubeObject,
  Subresource,
} from '../types.ts';

/** One column of a Table, as `kubectl get` prints it. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, 1 with `-o wide`. */
  readonly priority: number;
  /** null prints as `<none>`. */
  cell(object: KubeObject, now: number): string | number | boolean | null;
}

/** Where the `scale` subresource finds its numbers, as paths of field names. */
export interface ScalePaths {
  readonly specReplicas: readonly string[];
  readonly statusReplicas: readonly string[];
  readonly labelSelector: readonly string[] | undefined;
}

/** Rules of a kind beyond those common to all kinds. */
export interface KindRules {
  nameProblems(name: string): string[];
  /** Whether an update must say which version it changes. */
  readonly requiresVersion?: boolean;
  /** Whether finalizers must have a domain, but for Kubernetes' own. */
  readonly qualifiesFinalizers?: boolean;
  /** Fills in fields that the writer omitted; the writer then owns them. Mutates. */
  fillDefaults?(object: KubeObject): void;
  /** Fills in fields that the server decides, on create (`old` absent) and update; they have no owner. Mutates. */
  prepare?(object: KubeObject, old: KubeObject | undefined, subresource?: Subresource): void;
  validate?(object: KubeObject, old: KubeObject | undefined, subresource?: Subresource): FieldError[];
  /** Throws 403 when this user may write the kind, but not this object. */
  admit?(object: KubeObject, user: User): void;
  /** Whether something besides metadata.finalizers still keeps a deleted object (a namespace's spec.finalizers). */
  holdsBack?(object: KubeObject): boolean;
  /** Why creation is refused at the moment. */
  readonly refusesCreation?: string | undefined;
  /** Why no user may delete the object. */
  refusesDeletion?(object: KubeObject): string | undefined;
  /** Called when deletion begins and the object stays for now; replaces the increment of the generation. Mutates. */
  beginDeletion?(object: KubeObject): void;
}

/** One served kind at one version. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** Bucket of the store: all versions of a resource share one. */
  readonly bucket: string;
  /** apiVersion that objects have in the store. */
  readonly storedApiVersion: string;
  /** Whether this is a custom resource: strategic merge patches and protobuf are for the built-in kinds. */
  readonly custom: boolean;
  readonly hasStatus: boolean;
  /** Whether metadata.generation counts changes of the spec. */
  readonly countsGenerations: boolean;
  /** Whether a deletion answers with the deleted object; other resources answer with a Status. */
  readonly answersWithDeleted: boolean;
  /** The verbs of the resource itself, in discovery's order. */
  readonly verbs: readonly string[];
  /** The Go struct of a built-in kind; custom resources have a schema only. */
  readonly struct: GoStruct | undefined;
  readonly scale: ScalePaths | undefined;
  readonly schema: JsonSchema;
  readonly compiled: CompiledSchema;
  readonly columns: readonly Column[];
  readonly selectable: FieldGetters;
  readonly mergeKeys: MergeKeys;
  readonly rules: KindRules;
  /** Name in the OpenAPI documents; undefined: derived, as for a custom resource. */
  readonly definitionName: string | undefined;
  /** Message with which clients are warned of a deprecated version. */
  readonly deprecation: string | undefined;
  /** Convert between the stored form and this version's; neither changes its argument. */
  fromStored(object: KubeObject): KubeObject;
  toStored(object: KubeObject): KubeObject;
}

export const VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
] as const;

/** `v1`, or `example.com/v1`. */
export function apiVersionOf(resource: { group: string; version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** Key of an object in its bucket. */
export function keyOf(
  resource: { namespaced: boolean },
  namespace: string | undefined,
  name: string,
): string {
  return resource.namespaced ? `${namespace ?? ''}/${name}` : name;
}

/** Where kube-apiserver keeps an object. Only what apiextensions serves has its group there. */
export function etcdKey({ custom, group, plural, bucket }: Resource, key: string): string {
  const place = custom || group === 'apiextensions.k8s.io' ? bucket : plural;
  return `/registry/${place}/${key}`;
}

/** The name of the resource in errors: `widgets.example.com`. */
export function resourceName(resource: Resource): { group: string; name: string } {
  return { group: resource.group, name: resource.plural };
}

/** The name of the kind in validation errors: `Widget.example.com`. */
export function kindName(resource: Resource): { group: string; name: string } {
  // Of the stored form: an event belongs to the core group, through whichever group it was written.
  const [group = '', version] = resource.storedApiVersion.split('/');
  return { group: version === undefined ? '' : group, name: resource.kind };
}

/** Fields by which every kind may be selected. */
export const META_FIELDS: FieldGetters = {
  'metadata.name': (object) => object.metadata.name ?? '',
  'metadata.namespace': (object) => object.metadata.namespace ?? '',
};

/** An object typed as JSON. KubeObject types fields as `unknown`, so that code must narrow what it reads. */
export function asJson<T extends object>(value: T): JsonObject {
  return value as unknown as JsonObject;
}
