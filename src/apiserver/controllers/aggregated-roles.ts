import { isDeepStrictEqual } from 'node:util';
import { serverSideApply } from '../apply/apply.ts';
import { BUCKETS, type RoleObject } from '../auth/rbac/policy.ts';
import type { PolicyRule } from '../auth/rbac/rules.ts';
import { zeroStruct } from '../codec/go-types.ts';
import { type Backend, timestamp } from '../handlers/context.ts';
import { decodeTyped } from '../handlers/typed.ts';
import { updateObject } from '../handlers/update.ts';
import { apiVersionOf, asJson, type Resource } from '../registry/resource.ts';
import { type LabelSelector, selectorMatches } from '../selectors/label-selector.ts';
import type { Change } from '../storage/store.ts';
import type { KubeObject } from '../types.ts';

const MANAGER = 'clusterrole-aggregation-controller';

/** Fills each ClusterRole that has an aggregationRule with the rules of the ClusterRoles that it selects. */
export class AggregatedRoles {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Any aggregated ClusterRole may need recomputing. */
  affectedBy(changes: readonly Change[]): string[] {
    return changes.some(({ bucket }) => bucket === BUCKETS.clusterRoles) ? this.all() : [];
  }

  /** Names of the aggregated ClusterRoles. */
  all(): string[] {
    const collects = (role: RoleObject): boolean => role.aggregationRule !== undefined;
    return this.#roles()
      .filter(collects)
      .map(({ metadata }) => metadata.name ?? '');
  }

  reconcile(name: string): void {
    const { store, registry } = this.#backend;
    const role = store.get(BUCKETS.clusterRoles, name)?.object as RoleObject | undefined;
    const resource = registry.ofBucket(BUCKETS.clusterRoles);
    if (role?.aggregationRule === undefined || resource === undefined) return;
    const rules = this.#collected(role);
    if (isDeepStrictEqual(role.rules ?? [], rules)) return;
    const target = { resource, namespace: undefined, name, subresource: undefined };
    const options = { dryRun: false, fieldManager: undefined, keepNulls: true };
    updateObject(this.#backend, target, (old) => this.#applied(resource, old, rules), options);
  }

  /** The role with these rules, which the controller applies: it owns none when there are none. */
  #applied(resource: Resource, live: KubeObject, rules: readonly PolicyRule[]): KubeObject {
    const { schema, struct } = resource;
    const apiVersion = apiVersionOf(resource);
    const manifest = { apiVersion, kind: resource.kind, metadata: { name: live.metadata.name ?? '' } };
    const result = serverSideApply({
      live,
      applied: rules.length === 0 ? manifest : { ...manifest, rules: structuredClone(rules) },
      manager: MANAGER,
      force: true,
      apiVersion,
      subresource: undefined,
      custom: false,
      zero: struct && zeroStruct(struct),
      schema,
      now: timestamp(this.#backend.now()),
    });
    if (!result.ok) throw new Error('an apply with force had a conflict');
    decodeTyped(resource, asJson(result.object), 'converter');
    return result.object;
  }

  #collected({ aggregationRule, metadata }: RoleObject): PolicyRule[] {
    const rules = new Map<string, PolicyRule>();
    for (const selector of aggregationRule?.clusterRoleSelectors ?? []) {
      for (const role of this.#roles()) {
        const { labels, name } = role.metadata;
        if (name === metadata.name || !selectorMatches(selector as LabelSelector, labels)) continue;
        for (const rule of role.rules ?? []) rules.set(JSON.stringify(rule), rule);
      }
    }
    return [...rules.values()];
  }

  #roles(): RoleObject[] {
    return this.#backend.store.list(BUCKETS.clusterRoles, '').map(({ object }) => object as RoleObject);
  }
}
