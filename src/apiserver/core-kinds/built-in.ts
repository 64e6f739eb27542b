import type { RbacPolicy } from '../auth/rbac/policy.ts';
import type { Resource } from '../registry/resource.ts';
import { clusterKinds } from './cluster.ts';
import { configKinds } from './config.ts';
import { crdKind } from './crds.ts';
import { eventKinds } from './events.ts';
import { rbacKinds } from './rbac.ts';

/** The resources of all kinds that are served without a definition. */
export function builtInKinds(policy: RbacPolicy): Resource[] {
  return [...clusterKinds(), ...configKinds(), ...eventKinds(), ...rbacKinds(policy), crdKind()];
}
