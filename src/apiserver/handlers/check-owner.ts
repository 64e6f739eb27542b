import { notOwner, OWN_FOR_OTHERS, OWNED_KINDS, type OwnedKind } from '../../api/ownership.ts';
import { own } from '../../base/own.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { asJson, type Resource, resourceName } from '../registry/resource.ts';
import { forbidden } from '../status-errors.ts';
import type { KubeObject } from '../types.ts';
import type { ResourceRequest } from './context.ts';

const GROUP = 'coppice.dev';

/** Refuses a write to an object; `object` is undefined for a deletion, `old` for a creation. */
export type Admit = (object: KubeObject | undefined, old: KubeObject | undefined) => void;

/** How the objects of this kind tell their owner; undefined for a kind whose objects belong to nobody. */
export function ownedKind({ group, plural }: Pick<Resource, 'group' | 'plural'>): OwnedKind | undefined {
  return group === GROUP ? OWNED_KINDS.find((kind) => kind.plural === plural) : undefined;
}

/**
 * What the chart's ValidatingAdmissionPolicies are on a cluster: throws 403 when the requesting user is not the owner of the object, and
 * may not act for others.
 */
export function ownerCheck({ resource, user, may }: ResourceRequest): Admit {
  const kind = ownedKind(resource);
  if (kind === undefined) return () => undefined;
  return (object, old) => {
    const isOwner = [object, old].every((one) => one === undefined || ownerOf(one, kind) === user.name);
    if (isOwner || may(OWN_FOR_OTHERS)) return;
    throw forbidden(resourceName(resource), (object ?? old)?.metadata.name, notOwner(kind));
  };
}

function ownerOf(object: KubeObject, { field }: OwnedKind): unknown {
  const { spec } = asJson(object);
  return isJsonObject(spec) ? own(spec, field) : undefined;
}
