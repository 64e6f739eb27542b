import { labelProblems, qualifiedNameProblems } from '../meta/names.ts';
import { ageColumn, column, nameColumn } from '../registry/columns.ts';
import { type Resource, VERBS } from '../registry/resource.ts';
import type { FieldError, KubeObject, Subresource } from '../types.ts';
import { defineKind } from './define.ts';
import { condition, integer, keyedList, list, record, text, time } from './schemas.ts';
import { LEASE, NAMESPACE } from './structs.ts';

/** Label by which selectors find a namespace by its name. */
const NAME_LABEL = 'kubernetes.io/metadata.name';

export const NAMESPACES = 'namespaces';

/** Namespaces that cannot be deleted. */
const UNDELETABLE = ['default', 'kube-system', 'kube-public'];

/** Finalizer in the spec of every namespace: the namespace controller takes it off when the namespace is empty. */
export const NAMESPACE_FINALIZER = 'kubernetes';

function phaseOf(object: KubeObject): string {
  return String((object.status as { phase?: string } | undefined)?.phase ?? '');
}

function finalizersOf(object: KubeObject): string[] {
  return (object.spec as { finalizers?: string[] } | undefined)?.finalizers ?? [];
}

function labelNamespace({ metadata }: KubeObject): void {
  metadata.labels = { ...metadata.labels, [NAME_LABEL]: metadata.name ?? '' };
}

/** Validates one finalizer of a namespace's spec. */
function finalizerErrors(value: string, field: string): FieldError[] {
  const known = value.includes('/') || value === NAMESPACE_FINALIZER;
  const unqualified = 'name is neither a standard finalizer name nor is it fully qualified';
  const details = [...(known ? [] : [unqualified]), ...qualifiedNameProblems(value)];
  return details.map((detail) => ({ type: 'Invalid', field, value, detail }));
}

/**
 * Adds the phase of a status that has none, and the label with the namespace's name. The writer of a name owns the label, too;
 * for a generated name the server owns it.
 */
function fillNamespace(object: KubeObject): void {
  object.status = { phase: 'Active', ...(object.status as object | undefined) };
  if (object.metadata.name) labelNamespace(object);
}

function prepareNamespace(
  object: KubeObject,
  old: KubeObject | undefined,
  subresource: Subresource = undefined,
): void {
  if (old === undefined) {
    labelNamespace(object);
    object.spec = { finalizers: [...new Set([...finalizersOf(object), NAMESPACE_FINALIZER])] };
    object.status = { phase: 'Active' };
  } else if (subresource !== 'finalize') {
    // Only the finalize subresource changes spec.finalizers.
    object.spec = structuredClone(old.spec);
  }
}

function validateNamespace(
  object: KubeObject,
  _old: KubeObject | undefined,
  subresource: Subresource = undefined,
): FieldError[] {
  if (subresource !== 'status') {
    const at = (index: number): string => (subresource === 'finalize' ? `[${index}]` : '');
    return finalizersOf(object).flatMap((value, index) =>
      finalizerErrors(value, `spec.finalizers${at(index)}`),
    );
  }
  const isDeleting = object.metadata.deletionTimestamp !== undefined;
  const phase = isDeleting ? 'Terminating' : 'Active';
  if (phaseOf(object) === phase) return [];
  const detail = `may only be '${phase}' if \`deletionTimestamp\` is ${isDeleting ? 'not ' : ''}empty`;
  return [{ type: 'Invalid', field: 'status.Phase', value: phaseOf(object), detail }];
}

function namespaces(): Resource {
  return defineKind({
    group: '',
    version: 'v1',
    plural: NAMESPACES,
    kind: 'Namespace',
    definitionName: 'io.k8s.api.core.v1.Namespace',
    namespaced: false,
    shortNames: ['ns'],
    hasStatus: true,
    verbs: VERBS.filter((verb) => verb !== 'deletecollection'),
    struct: NAMESPACE,
    schema: record(
      {
        spec: record(
          {
            finalizers: list(
              { type: 'string' },
              'Finalizers is an opaque list of values that must be empty to permanently remove object from storage.',
            ),
          },
          'Spec defines the behavior of the Namespace.',
        ),
        status: record(
          {
            phase: text('Phase is the current lifecycle phase of the namespace: Active or Terminating.'),
            conditions: keyedList(
              condition(),
              ['type'],
              "Represents the latest available observations of a namespace's current state.",
            ),
          },
          'Status describes the current status of a Namespace.',
        ),
      },
      'Namespace provides a scope for Names. Use of multiple namespaces is optional.',
    ),
    answersWithDeleted: true,
    columns: [nameColumn(), column('Status', 'The status of the namespace', phaseOf), ageColumn()],
    selectable: { 'status.phase': phaseOf },
    mergeKeys: { 'status.conditions': 'type' },
    rules: {
      nameProblems: labelProblems,
      qualifiesFinalizers: true,
      fillDefaults: fillNamespace,
      prepare: prepareNamespace,
      validate: validateNamespace,
      refusesDeletion: ({ metadata }) =>
        UNDELETABLE.includes(metadata.name ?? '') ? 'this namespace may not be deleted' : undefined,
      // The first deletion only marks it, whatever there is to wait for.
      holdsBack: (object) =>
        object.metadata.deletionTimestamp === undefined || finalizersOf(object).length > 0,
      beginDeletion: (object) => {
        object.status = { ...(object.status as object), phase: 'Terminating' };
      },
    },
  });
}

const HOLDER =
  'holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader Election is used, the holder identity must be equal to the elected LeaseCandidate.metadata.name field.';

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  leaseTransitions?: number;
}

function validateLease(object: KubeObject): FieldError[] {
  const spec = (object.spec ?? {}) as LeaseSpec;
  const errors: FieldError[] = [];
  const { leaseDurationSeconds: seconds, leaseTransitions: transitions } = spec;
  if (seconds !== undefined && seconds <= 0) {
    errors.push({
      type: 'Invalid',
      field: 'spec.leaseDurationSeconds',
      value: seconds,
      detail: 'must be greater than 0',
    });
  }
  if (transitions !== undefined && transitions < 0) {
    errors.push({
      type: 'Invalid',
      field: 'spec.leaseTransitions',
      value: transitions,
      detail: 'must be greater than or equal to 0',
    });
  }
  return errors;
}

/** Fields of coordinated leader election, which kube drops as long as its feature gate is closed. */
function dropElection(object: KubeObject): void {
  const { strategy: _, preferredHolder: __, ...spec } = object.spec as Record<string, unknown>;
  object.spec = spec;
}

function leases(): Resource {
  return defineKind({
    group: 'coordination.k8s.io',
    version: 'v1',
    plural: 'leases',
    kind: 'Lease',
    definitionName: 'io.k8s.api.coordination.v1.Lease',
    struct: LEASE,
    schema: record(
      {
        spec: record(
          {
            holderIdentity: text('holderIdentity contains the identity of the holder of a current lease.'),
            leaseDurationSeconds: integer(
              'How long candidates for a lease need to wait to force acquire it, measured against the time of last observed renewTime.',
            ),
            acquireTime: time('acquireTime is a time when the current lease was acquired.'),
            renewTime: time(
              'renewTime is a time when the current holder of a lease has last updated the lease.',
            ),
            leaseTransitions: integer(
              'leaseTransitions is the number of transitions of a lease between holders.',
            ),
            strategy: text(
              'Strategy indicates the strategy for picking the leader for coordinated leader election.',
            ),
            preferredHolder: text(
              'PreferredHolder signals to a lease holder that the lease has a more optimal holder and should be given up.',
            ),
          },
          'spec contains the specification of the Lease.',
        ),
      },
      'Lease defines a lease concept.',
    ),
    columns: [
      nameColumn(),
      column('Holder', HOLDER, (object) =>
        String((object.spec as LeaseSpec | undefined)?.holderIdentity ?? ''),
      ),
      ageColumn(),
    ],
    rules: { requiresVersion: true, prepare: dropElection, validate: validateLease },
  });
}

/** Namespace and Lease: what the cluster itself needs. */
export function clusterKinds(): Resource[] {
  return [namespaces(), leases()];
}
