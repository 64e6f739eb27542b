import { renderFieldError } from './field-errors.ts';
import type { FieldError } from './types.ts';

/** `metav1.Status` as kube-apiserver sends it on failure and after a deletion. */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { continue?: string };
  status: 'Failure' | 'Success';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** A resource or kind, as errors name it: `{group: 'example.com', name: 'widgets'}`. */
export interface GroupName {
  group: string;
  /** Plural (`widgets`) or kind (`Widget`), depending on the message. */
  name: string;
}

interface Failure {
  code: number;
  message: string;
  reason?: string;
  details?: StatusDetails;
  metadata?: { continue?: string };
}

/** An error that is sent to the client as it is. Any other error becomes an InternalError. */
export class ApiError extends Error {
  readonly status: Status & { code: number };
  /** The status as JSON, where it is long and written already. */
  readonly json: string | undefined;

  constructor(failure: Failure, json?: string) {
    super(failure.message);
    this.json = json;
    this.name = 'ApiError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: failure.metadata ?? {},
      status: 'Failure',
      message: failure.message,
      ...(failure.reason === undefined ? {} : { reason: failure.reason }),
      ...(failure.details === undefined ? {} : { details: failure.details }),
      code: failure.code,
    };
  }
}

/** `widgets.example.com`, or `configmaps` in the core group. */
function qualified(thing: GroupName): string {
  return thing.group === '' ? thing.name : `${thing.name}.${thing.group}`;
}

function detailsOf(thing: GroupName, name: string | undefined): StatusDetails {
  return {
    ...(name ? { name } : {}),
    ...(thing.group === '' ? {} : { group: thing.group }),
    ...(thing.name === '' ? {} : { kind: thing.name }),
  };
}

export function notFound(resource: GroupName, name: string): ApiError {
  const message = `${qualified(resource)} ${JSON.stringify(name)} not found`;
  return new ApiError({ code: 404, reason: 'NotFound', message, details: detailsOf(resource, name) });
}

/** The resource exists, but the path does not. */
export function noSuchSubresource(): ApiError {
  const message = 'the server could not find the requested resource';
  return new ApiError({ code: 404, reason: 'NotFound', message, details: {} });
}

export function alreadyExists(resource: GroupName, name: string): ApiError {
  const message = `${qualified(resource)} ${JSON.stringify(name)} already exists`;
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details: detailsOf(resource, name) });
}

/** Every name that generateName produced was taken. */
export function generateNameConflict(resource: GroupName, name: string): ApiError {
  const message = `${qualified(resource)} ${JSON.stringify(name)} already exists, the server was not able to generate a unique name for the object`;
  const details = { ...detailsOf(resource, name), retryAfterSeconds: 1 };
  return new ApiError({ code: 409, reason: 'AlreadyExists', message, details });
}

export function conflict(resource: GroupName, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} ${JSON.stringify(name)}: ${why}`;
  return new ApiError({ code: 409, reason: 'Conflict', message, details: detailsOf(resource, name) });
}

export function staleObject(resource: GroupName, name: string): ApiError {
  const why = 'the object has been modified; please apply your changes to the latest version and try again';
  return conflict(resource, name, why);
}

export function badRequest(message: string): ApiError {
  return new ApiError({ code: 400, reason: 'BadRequest', message });
}

/** A JSON body that is not an object of its kind; `why` is the decoder's message. */
export function notDecodable({ kind, version }: { kind: string; version: string }, why: string): ApiError {
  return badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${why}`);
}

export function unauthorized(): ApiError {
  return new ApiError({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}

/** `resource` is absent for a path that names no resource (`/api`). */
export function forbidden(resource: GroupName | undefined, name: string | undefined, why: string): ApiError {
  if (resource === undefined) {
    return new ApiError({ code: 403, reason: 'Forbidden', message: `forbidden: ${why}`, details: {} });
  }
  const subject = name ? `${qualified(resource)} ${JSON.stringify(name)}` : qualified(resource);
  const message = resource.name === '' ? `forbidden: ${why}` : `${subject} is forbidden: ${why}`;
  return new ApiError({ code: 403, reason: 'Forbidden', message, details: detailsOf(resource, name) });
}

/** 403 with the cause that clients check for when a namespace is being deleted. */
export function namespaceTerminating(resource: GroupName, name: string, namespace: string): ApiError {
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const subject = `${qualified(resource)} ${JSON.stringify(name)}`;
  const causes = [
    {
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    },
  ];
  return new ApiError({
    code: 403,
    reason: 'Forbidden',
    message: `${subject} is forbidden: ${why}`,
    details: { ...detailsOf(resource, name), causes },
  });
}

/** 422 with one cause per field, in the words of k8s.io/apimachinery `errors.NewInvalid`. */
export function invalid(kind: GroupName, name: string, errors: readonly FieldError[]): ApiError {
  const rendered = errors.map((error) => ({ error, text: renderFieldError(error) }));
  const sentences = [...new Set(rendered.map(({ error, text }) => `${error.field}: ${text.message}`))];
  const what = sentences.length === 1 ? sentences[0] : `[${sentences.join(', ')}]`;
  const causes = rendered.map(({ error, text }) => ({ ...text, field: error.field }));
  return new ApiError({
    code: 422,
    reason: 'Invalid',
    message: `${qualified(kind)} ${JSON.stringify(name)} is invalid: ${what}`,
    details: { ...detailsOf(kind, name), causes },
  });
}

/** Invalid query parameters: kube validates them as an object of their own kind. */
export function invalidOptions(kind: string, errors: readonly FieldError[]): ApiError {
  return invalid({ group: 'meta.k8s.io', name: kind }, '', errors);
}

/** A JSON patch that is well-formed but cannot be applied. */
export function unprocessablePatch(): ApiError {
  const message = 'the server rejected our request due to an error in our request';
  return new ApiError({ code: 422, reason: 'Invalid', message, details: {} });
}

export function methodNotAllowed(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError({ code: 405, reason: 'MethodNotAllowed', message, details: {} });
}

/** What kube-apiserver says of custom resources, which have a handler of their own. */
export function unsupportedVerb(resource: GroupName, verb: string): ApiError {
  const message = `${verb} is not supported on resources of kind ${JSON.stringify(qualified(resource))}`;
  return new ApiError({
    code: 405,
    reason: 'MethodNotAllowed',
    message,
    details: detailsOf(resource, undefined),
  });
}

export function notAcceptable(accepted: readonly string[]): ApiError {
  const message = `only the following media types are accepted: ${accepted.join(', ')}`;
  return new ApiError({ code: 406, reason: 'NotAcceptable', message });
}

/** The 406 of kube's router, before any handler sees the request. */
export function noRepresentation(available: readonly string[]): ApiError {
  const message = `406: Not Acceptable\n\nAvailable representations: ${available.join(', ')}`;
  return new ApiError({ code: 406, reason: 'NotAcceptable', message, details: {} });
}

/** The client wants a list of what is one object, or the other way round; `goType` is what kube calls the object. */
export function wrongTransform(wanted: string, goType: string): ApiError {
  const isList = wanted.endsWith('List');
  const found = `the requested object is ${isList ? 'not ' : ''}a list (${goType})`;
  const message = `you requested ${wanted}, but ${found}`;
  return new ApiError({ code: 406, reason: 'NotAcceptable', message });
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  const message = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** kube's message for built-in kinds, which does not list the supported types. */
export function unsupportedPatch(): ApiError {
  const message = '415: Unsupported Media Type';
  return new ApiError({ code: 415, reason: 'UnsupportedMediaType', message, details: {} });
}

/** A request beyond one of kube-apiserver's limits, e.g. `limit is 3145728`. */
export function tooLarge(why: string): ApiError {
  const message = `Request entity too large: ${why}`;
  return new ApiError({ code: 413, reason: 'RequestEntityTooLarge', message });
}

/** The requested history is compacted: the client must list again. */
export function expired(message: string, metadata: { continue?: string } = {}): ApiError {
  return new ApiError({ code: 410, reason: 'Expired', message, metadata });
}

export function resourceVersionTooLarge(asked: number, current: number): ApiError {
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return new ApiError({
    code: 504,
    reason: 'Timeout',
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    details: { causes, retryAfterSeconds: 1 },
  });
}

/** Sent while the server stops: the client retries and reaches its successor. */
export function shuttingDown(): ApiError {
  return new ApiError({
    code: 503,
    reason: 'ServiceUnavailable',
    message: 'apiserver is shutting down',
    details: { retryAfterSeconds: 1 },
  });
}

/** A server behind this one does not answer. */
export function serviceUnavailable(message: string): ApiError {
  return new ApiError({ code: 503, reason: 'ServiceUnavailable', message });
}

export function internalError(message: string): ApiError {
  const causes = [{ message }];
  return new ApiError({
    code: 500,
    reason: 'InternalError',
    message: `Internal error occurred: ${message}`,
    details: { causes },
  });
}

/** The disk of the database is full. Without Retry-After: clients would repeat the request for as long as nobody frees space. */
export function storageFull(path: string): ApiError {
  const message = `the disk of the API server's database ${path} is full: free space on it, or delete objects, which is still possible`;
  return new ApiError({ code: 507, reason: 'InsufficientStorage', message, details: {} });
}

/** Server-side apply conflicts with other managers' fields. */
export function applyConflict(message: string, causes: readonly StatusCause[]): ApiError {
  return new ApiError({ code: 409, reason: 'Conflict', message, details: { causes: [...causes] } });
}

/** The 200 of a deletion that took effect at once. */
export function deletedStatus(resource: GroupName, name: string, uid: string | undefined): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: { ...detailsOf(resource, name), ...(uid === undefined ? {} : { uid }) },
  };
}
