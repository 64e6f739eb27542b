import { CRD_BUCKET, CRD_FINALIZER } from '../core-kinds/crds.ts';
import { type Backend, timestamp } from '../handlers/context.ts';
import { deleteObject } from '../handlers/delete.ts';
import { track } from '../handlers/strategy.ts';
import { customResources } from '../registry/custom-resource.ts';
import type { CrdCondition, CrdNames, CustomResourceDefinition } from '../registry/definition.ts';
import type { Resource } from '../registry/resource.ts';
import type { Change } from '../storage/store.ts';

/** A name that another definition already uses. */
interface Conflict {
  readonly reason: string;
  readonly name: string;
}

/** A condition, but for its time. */
type Wanted = readonly [type: string, reason: string, message: string, status: CrdCondition['status']];

/**
 * Serves the resources of CustomResourceDefinitions: registers them and reports that in the definition's status. When a
 * definition is deleted, it deletes all its objects first.
 */
export class DefinitionController {
  readonly #backend: Backend;
  readonly #ended: (bucket: string) => void;
  readonly #served = new Map<string, { json: string; resources: Resource[] }>();

  /** @param ended called with the bucket of a resource that is no longer served */
  constructor(backend: Backend, ended: (bucket: string) => void) {
    this.#backend = backend;
    this.#ended = ended;
  }

  /** Reconciles all definitions, at start. */
  start(): void {
    for (const { key } of this.#backend.store.list(CRD_BUCKET, '')) this.reconcile(key);
  }

  /** Keys of the definitions that these changes affect. */
  affectedBy(changes: readonly Change[]): string[] {
    const names = new Set<string>();
    for (const { bucket, current, type } of changes) {
      if (bucket === CRD_BUCKET) names.add(current.key);
      // Another definition may have waited for a name that is free now.
      if (bucket === CRD_BUCKET && type === 'DELETED') {
        for (const { key } of this.#backend.store.list(CRD_BUCKET, '')) names.add(key);
      }
      if (bucket === CRD_BUCKET) continue;
      if (type === 'DELETED') for (const name of this.#waitingFor(bucket)) names.add(name);
    }
    return [...names];
  }

  /** Makes the served resources and the definition's status match the definition. */
  reconcile(name: string): void {
    const stored = this.#backend.store.get(CRD_BUCKET, name);
    if (stored === undefined) {
      this.#withdraw(name);
      return;
    }
    const crd = stored.object as CustomResourceDefinition;
    const conflict = this.#served.has(name) ? undefined : this.#conflict(name, crd);
    if (conflict !== undefined) {
      this.#refuse(name, crd, conflict);
      return;
    }
    this.#serve(name, crd);
    if (crd.metadata.deletionTimestamp === undefined) this.#establish(name, crd);
    else this.#cleanUp(name, crd);
  }

  /** A name that another definition of the group already uses; if several, the last one, as kube reports it. */
  #conflict(name: string, { spec, metadata }: CustomResourceDefinition): Conflict | undefined {
    if (metadata.deletionTimestamp !== undefined) return undefined;
    const taken = this.#backend.store
      .list(CRD_BUCKET, '')
      .map(({ object }) => object as CustomResourceDefinition)
      .filter((other) => other.metadata.name !== name && other.spec.group === spec.group)
      .filter((other) => this.#served.has(other.metadata.name ?? ''))
      .map((other) => other.spec.names);
    const { plural, singular = '', shortNames = [], kind, listKind = '' } = spec.names;
    const resources = new Set(
      taken.flatMap((names) => [names.plural, names.singular, ...(names.shortNames ?? [])]),
    );
    const kinds = new Set(taken.flatMap((names) => [names.kind, names.listKind]));
    const found: Conflict[] = [
      { reason: 'PluralConflict', name: plural },
      { reason: 'SingularConflict', name: singular },
      ...shortNames.map((short) => ({ reason: 'ShortNamesConflict', name: short })),
      { reason: 'KindConflict', name: kind },
      { reason: 'ListKindConflict', name: listKind },
    ];
    const isTaken = (one: Conflict): boolean => (/Kind/.test(one.reason) ? kinds : resources).has(one.name);
    return found.findLast(isTaken);
  }

  /** Says why the definition is not served. */
  #refuse(name: string, crd: CustomResourceDefinition, conflict: Conflict): void {
    const message = `${JSON.stringify(conflict.name)} is already in use`;
    const conditions = this.#conditions(crd, [
      ['NamesAccepted', conflict.reason, message, 'False'],
      ['Established', 'NotAccepted', 'not all names are accepted', 'False'],
    ]);
    const status = { acceptedNames: { plural: '', kind: '' }, ...crd.status, conditions };
    this.#putIfChanged(name, crd, this.#owned(crd, { ...crd, status }));
  }

  #waitingFor(bucket: string): string[] {
    const found = [...this.#served].filter(([, { resources }]) => resources[0]?.bucket === bucket);
    return found.map(([name]) => name);
  }

  #serve(name: string, crd: CustomResourceDefinition): void {
    const json = JSON.stringify([crd.spec, crd.metadata.deletionTimestamp]);
    const before = this.#served.get(name);
    if (before?.json === json) return;
    const resources = customResources(crd);
    if (before !== undefined) this.#backend.registry.remove(before.resources);
    this.#backend.registry.add(resources);
    this.#served.set(name, { json, resources });
  }

  #withdraw(name: string): void {
    const served = this.#served.get(name);
    if (served === undefined) return;
    this.#served.delete(name);
    this.#backend.registry.remove(served.resources);
    for (const bucket of new Set(served.resources.map((resource) => resource.bucket))) this.#ended(bucket);
  }

  #establish(name: string, crd: CustomResourceDefinition): void {
    const { names, versions } = crd.spec;
    const conditions = this.#conditions(crd, [
      ['NamesAccepted', 'NoConflicts', 'no conflicts found', 'True'],
      ['Established', 'InitialNamesAccepted', 'the initial names have been accepted', 'True'],
    ]);
    const storage = versions.filter((version) => version.storage).map((version) => version.name);
    const storedVersions = [...new Set([...(crd.status?.storedVersions ?? []), ...storage])];
    const status = { ...crd.status, conditions, acceptedNames: acceptedNames(names), storedVersions };
    this.#putIfChanged(name, crd, this.#owned(crd, { ...crd, status }));
  }

  /** With the server as the owner of the status fields, as in kube-apiserver. */
  #owned(before: CustomResourceDefinition, after: CustomResourceDefinition): CustomResourceDefinition {
    const resource = this.#backend.registry.ofBucket(CRD_BUCKET);
    if (resource === undefined) return after;
    const how = {
      manager: 'kube-apiserver',
      subresource: 'status',
      now: timestamp(this.#backend.now()),
    } as const;
    return track(resource, after, before, how) as CustomResourceDefinition;
  }

  /** The definition's conditions with these; those that others wrote stay where they are. */
  #conditions({ status: before }: CustomResourceDefinition, wanted: readonly Wanted[]): CrdCondition[] {
    const conditions = [...(before?.conditions ?? [])];
    for (const [type, reason, message, status] of wanted) {
      const index = conditions.findIndex((condition) => condition.type === type);
      if (conditions[index]?.status === status) continue;
      const lastTransitionTime = timestamp(this.#backend.now());
      const place = index < 0 ? conditions.length : index;
      conditions.splice(place, 1, { type, status, reason, message, lastTransitionTime });
    }
    return conditions;
  }

  /** Says that the deletion of the definition's objects has begun. */
  #begun(name: string, crd: CustomResourceDefinition): CustomResourceDefinition {
    const reason = 'InstanceDeletionInProgress';
    const message = 'CustomResource deletion is in progress';
    const conditions = (crd.status?.conditions ?? []).map((condition) =>
      condition.type === 'Terminating' ? { ...condition, reason, message } : condition,
    );
    const begun = { ...crd, status: { ...crd.status, conditions } };
    this.#putIfChanged(name, crd, begun);
    return begun;
  }

  #cleanUp(name: string, marked: CustomResourceDefinition): void {
    const { store } = this.#backend;
    const [resource] = this.#served.get(name)?.resources ?? customResources(marked);
    if (!(marked.metadata.finalizers ?? []).includes(CRD_FINALIZER)) return;
    const crd = this.#begun(name, marked);
    const objects = resource === undefined ? [] : store.list(resource.bucket, '');
    for (const { object } of objects) {
      if (resource === undefined || object.metadata.deletionTimestamp !== undefined) continue;
      deleteObject(this.#backend, resource, object.metadata.namespace, object.metadata.name ?? '', {});
    }
    if (resource !== undefined && store.list(resource.bucket, '').length > 0) return;
    const finalizers = (crd.metadata.finalizers ?? []).filter((finalizer) => finalizer !== CRD_FINALIZER);
    if (finalizers.length > 0)
      this.#putIfChanged(name, crd, { ...crd, metadata: { ...crd.metadata, finalizers } });
    else store.remove(CRD_BUCKET, name);
  }

  #putIfChanged(name: string, before: CustomResourceDefinition, after: CustomResourceDefinition): void {
    if (JSON.stringify(before) !== JSON.stringify(after)) this.#backend.store.put(CRD_BUCKET, name, after);
  }
}

function acceptedNames({ plural, singular, kind, listKind, shortNames, categories }: CrdNames): CrdNames {
  return {
    plural,
    ...(singular === undefined ? {} : { singular }),
    kind,
    ...(listKind === undefined ? {} : { listKind }),
    ...(shortNames === undefined ? {} : { shortNames }),
    ...(categories === undefined ? {} : { categories }),
  };
}
