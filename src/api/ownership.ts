/** A kind whose objects belong to a person. */
export interface OwnedKind {
  readonly plural: string;
  /** The field of the spec with the owner's name, as the API server knows it. */
  readonly field: string;
}

/**
 * The one table behind two admissions: the chart's ValidatingAdmissionPolicies (`npm run generate`) and the embedded API server. Only its
 * owner creates, changes or deletes an object of these kinds, and who may do so for others.
 */
export const OWNED_KINDS: readonly OwnedKind[] = [
  { plural: 'templatelabels', field: 'owner' },
  { plural: 'templatefollows', field: 'user' },
];

/** The verb, on the kind in the object's namespace, of those who act for its owners: GitOps tools, administrators. */
export const OWN_FOR_OTHERS = 'own-for-others';

/** Kubernetes' own controllers delete the objects of namespaces and owners that are gone. */
export const DELETING_CONTROLLERS: readonly string[] = [
  'system:kube-controller-manager',
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:serviceaccount:kube-system:namespace-controller',
];

/** The refusal of everybody else. */
export function notOwner({ plural, field }: OwnedKind): string {
  return (
    `only the user in spec.${field} creates, changes and deletes it, and who has the verb ${OWN_FOR_OTHERS} on ${plural} of ` +
    'coppice.dev in this namespace: kubectl auth whoami says who you are'
  );
}
