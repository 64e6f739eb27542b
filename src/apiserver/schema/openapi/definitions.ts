/** The definitions that every group-version's document has: metadata, lists, status, delete options, patches. */

/** A schema as the documents hold it; references included. */
export interface OpenApiSchema {
  [field: string]: unknown;
}

/** `ObjectMeta` → `io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`. */
export function metaName(kind: string): string {
  return `io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`;
}

/** The definition of the scale subresource's kind. */
export const SCALE = 'io.k8s.api.autoscaling.v1.Scale';

/** A reference by a definition's name; each version's builder resolves it. */
export function reference(name: string, description?: string): OpenApiSchema {
  const target = { $ref: name };
  return description === undefined ? target : { description, allOf: [target] };
}

const text = (description: string): OpenApiSchema => ({ description, type: 'string' });
const truth = (description: string): OpenApiSchema => ({ description, type: 'boolean' });
const int64 = (description: string): OpenApiSchema => ({ description, type: 'integer', format: 'int64' });
const int32 = (description: string): OpenApiSchema => ({ description, type: 'integer', format: 'int32' });
const time = (description: string): OpenApiSchema => reference(metaName('Time'), description);
const texts = (description: string): OpenApiSchema => ({
  description,
  type: 'object',
  additionalProperties: { type: 'string', default: '' },
});

const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

/** apiVersion and kind of every object, with the descriptions that `kubectl explain` shows. */
export const TYPE_FIELDS: Readonly<Record<string, OpenApiSchema>> = {
  apiVersion: text(
    `APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: ${CONVENTIONS}#resources`,
  ),
  kind: text(
    `Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: ${CONVENTIONS}#types-kinds`,
  ),
};

/** The metadata of an object, described. */
export const METADATA: OpenApiSchema = reference(
  metaName('ObjectMeta'),
  `Standard object's metadata. More info: ${CONVENTIONS}#metadata`,
);

const OBJECT_META: OpenApiSchema = {
  description: 'Metadata that every stored object has.',
  type: 'object',
  properties: {
    annotations: texts('Keys and values that tools keep with the object. They cannot be selected by.'),
    creationTimestamp: time('When the server created the object. Set by the server.'),
    deletionGracePeriodSeconds: int64('Seconds that the object is given to end. Set with deletionTimestamp.'),
    deletionTimestamp: time(
      'When deletion was asked for; the object is gone when its finalizers are. Set by the server.',
    ),
    finalizers: {
      description: 'Who must do something before the object may go. Nothing can be added during deletion.',
      type: 'array',
      items: { type: 'string', default: '' },
      'x-kubernetes-list-type': 'set',
      'x-kubernetes-patch-strategy': 'merge',
    },
    generateName: text('Prefix from which the server makes a unique name, if no name is given.'),
    generation: int64('Number of the desired state: it grows with every change of it. Set by the server.'),
    labels: texts('Keys and values by which objects are grouped and selected.'),
    managedFields: {
      description: 'Who manages which fields. Kept by the server; users need not set or understand it.',
      type: 'array',
      items: { default: {}, ...reference(metaName('ManagedFieldsEntry')) },
      'x-kubernetes-list-type': 'atomic',
    },
    name: text('Name, unique in the namespace. Cannot be changed.'),
    namespace: text('Space in which the name is unique. Cannot be changed.'),
    ownerReferences: {
      description: 'Objects on which this one depends; it is deleted when all of them are gone.',
      type: 'array',
      items: { default: {}, ...reference(metaName('OwnerReference')) },
      'x-kubernetes-list-map-keys': ['uid'],
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-patch-merge-key': 'uid',
      'x-kubernetes-patch-strategy': 'merge',
    },
    resourceVersion: text('Version of the stored object, for watches and concurrent writes. Opaque.'),
    selfLink: text('Not used any more.'),
    uid: text('Identity of the object in time and space. Set by the server.'),
  },
};

const OWNER_REFERENCE: OpenApiSchema = {
  description: 'An object on which another one in the same namespace, or in none, depends.',
  type: 'object',
  required: ['apiVersion', 'kind', 'name', 'uid'],
  properties: {
    apiVersion: { ...text('API version of the owner.'), default: '' },
    blockOwnerDeletion: truth('Whether deleting the owner in the foreground waits for this object.'),
    controller: truth('Whether the owner is the controller that manages this object.'),
    kind: { ...text('Kind of the owner.'), default: '' },
    name: { ...text('Name of the owner.'), default: '' },
    uid: { ...text('UID of the owner.'), default: '' },
  },
  'x-kubernetes-map-type': 'atomic',
};

const MANAGED_FIELDS_ENTRY: OpenApiSchema = {
  description: 'The fields that one manager manages, by one operation.',
  type: 'object',
  properties: {
    apiVersion: text('Version of the object in which the fields are named.'),
    fieldsType: text('Format of the fields: FieldsV1.'),
    fieldsV1: reference(metaName('FieldsV1'), 'The fields, as a tree.'),
    manager: text('Name of the manager.'),
    operation: text('Apply or Update.'),
    subresource: text('Endpoint through which the fields were written, if not that of the object.'),
    time: time('When the set of fields last changed.'),
  },
};

const LIST_META: OpenApiSchema = {
  description: 'Metadata of a list.',
  type: 'object',
  properties: {
    continue: text('Token with which the next part of the list is asked for. Opaque.'),
    remainingItemCount: int64('How many items come after this part, where that is known.'),
    resourceVersion: text('Version of the list, from which a watch can go on. Opaque.'),
    selfLink: text('Not used any more.'),
  },
};

const STATUS: OpenApiSchema = {
  description: 'The outcome of a call that does not give an object.',
  type: 'object',
  properties: {
    ...TYPE_FIELDS,
    code: int32('HTTP status code.'),
    details: reference(metaName('StatusDetails'), 'More about the reason.'),
    message: text('What happened, for people.'),
    metadata: reference(metaName('ListMeta'), 'Standard list metadata.'),
    reason: text('Why, for programs.'),
    status: text('Success or Failure.'),
  },
  'x-kubernetes-group-version-kind': [{ group: '', kind: 'Status', version: 'v1' }],
};

const STATUS_DETAILS: OpenApiSchema = {
  description: 'More about the reason of a status.',
  type: 'object',
  properties: {
    causes: {
      description: 'What in particular was wrong.',
      type: 'array',
      items: { default: {}, ...reference(metaName('StatusCause')) },
      'x-kubernetes-list-type': 'atomic',
    },
    group: text('Group of the resource.'),
    kind: text('Kind or resource concerned.'),
    name: text('Name of the object concerned.'),
    retryAfterSeconds: int32('After how many seconds the call may be tried again.'),
    uid: text('UID of the object concerned.'),
  },
};

const STATUS_CAUSE: OpenApiSchema = {
  description: 'One thing that was wrong.',
  type: 'object',
  properties: {
    field: text('Field of the object that was wrong, as a path.'),
    message: text('What was wrong, for people.'),
    reason: text('Why, for programs.'),
  },
};

const DELETE_OPTIONS: OpenApiSchema = {
  description: 'How an object is to be deleted.',
  type: 'object',
  properties: {
    ...TYPE_FIELDS,
    dryRun: {
      description: 'All: do everything but the deletion itself.',
      type: 'array',
      items: { type: 'string', default: '' },
      'x-kubernetes-list-type': 'atomic',
    },
    gracePeriodSeconds: int64('Seconds that the object is given to end; 0 is at once.'),
    orphanDependents: truth('Not used any more: see propagationPolicy.'),
    preconditions: reference(metaName('Preconditions'), 'What must hold for the deletion to happen.'),
    propagationPolicy: text('What becomes of dependents: Orphan, Background or Foreground.'),
  },
  'x-kubernetes-group-version-kind': [{ group: '', kind: 'DeleteOptions', version: 'v1' }],
};

const PRECONDITIONS: OpenApiSchema = {
  description: 'What must hold for a deletion to happen.',
  type: 'object',
  properties: {
    resourceVersion: text('The version that the object must have.'),
    uid: text('The UID that the object must have.'),
  },
};

/** All of them by their names. */
export function metaDefinitions(): Record<string, OpenApiSchema> {
  const definitions: Record<string, OpenApiSchema> = {
    DeleteOptions: DELETE_OPTIONS,
    FieldsV1: { description: 'A set of fields, as a tree in JSON.', type: 'object' },
    ListMeta: LIST_META,
    ManagedFieldsEntry: MANAGED_FIELDS_ENTRY,
    ObjectMeta: OBJECT_META,
    OwnerReference: OWNER_REFERENCE,
    Patch: { description: 'The body of a PATCH request.', type: 'object' },
    Preconditions: PRECONDITIONS,
    Status: STATUS,
    StatusCause: STATUS_CAUSE,
    StatusDetails: STATUS_DETAILS,
    Time: { description: 'A time, as RFC 3339 has it.', type: 'string', format: 'date-time' },
  };
  return Object.fromEntries(Object.entries(definitions).map(([kind, schema]) => [metaName(kind), schema]));
}

/** The kind of the scale subresource; only where a kind has one. */
export function scaleDefinitions(): Record<string, OpenApiSchema> {
  return {
    [SCALE]: {
      description: 'A request to run a number of replicas.',
      type: 'object',
      properties: {
        ...TYPE_FIELDS,
        metadata: METADATA,
        spec: reference(`${SCALE}Spec`, 'How many are wanted.'),
        status: reference(`${SCALE}Status`, 'How many there are. Read-only.'),
      },
      'x-kubernetes-group-version-kind': [{ group: 'autoscaling', kind: 'Scale', version: 'v1' }],
    },
    [`${SCALE}Spec`]: {
      description: 'How many replicas are wanted.',
      type: 'object',
      properties: { replicas: int32('Number of replicas wanted.') },
    },
    [`${SCALE}Status`]: {
      description: 'How many replicas there are.',
      type: 'object',
      required: ['replicas'],
      properties: {
        replicas: { ...int32('Number of replicas that there are.'), default: 0 },
        selector: text('Label selector, as text, by which the replicas are found.'),
      },
    },
  };
}
