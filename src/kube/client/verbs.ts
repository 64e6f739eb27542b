import {
  apiVersionOf,
  type KubeObject,
  keyOf,
  type ObjectName,
  type ResourceRef,
} from '../../base/object.ts';
import { ApiError, isNotFound } from '../api-error.ts';
import { objectPath, type QueryValue, resourcePath } from '../http/paths.ts';
import type { ApiRequest } from '../http/request.ts';
import { JSON_TYPE } from '../http/transport.ts';
import type { CallOptions, KubeClient, KubeList, PatchOptions, WriteOptions } from './client.ts';

/** Asks a watch for events whose objects are metadata only: https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches */
export const METADATA = `${JSON_TYPE};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
/** Asks for a list of such objects. */
const METADATA_LIST = `${JSON_TYPE};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;

/** Sends one request and returns the JSON of its answer. */
export type Caller = (
  method: ApiRequest['method'],
  ref: ResourceRef | undefined,
  call: {
    readonly path: string;
    readonly what: string;
    readonly body?: unknown;
    readonly contentType?: string;
    readonly accept?: string;
    readonly subresource?: string;
    readonly options?: WriteOptions;
  },
) => Promise<unknown>;

export function readVerbs(call: Caller): Pick<KubeClient, 'get' | 'find' | 'list' | 'getRaw'> {
  const get = async <T extends KubeObject>(ref: ResourceRef<T>, name: ObjectName, options?: CallOptions) => {
    const what = `get ${ref.kind} ${keyOf(name)}`;
    return asObject(ref, what, await call('GET', ref, { path: objectPath(ref, name), what, options }));
  };
  return {
    get,
    find: async (ref, name, options) => {
      try {
        return await get(ref, name, options);
      } catch (error) {
        if (isNotFound(error)) {
          return undefined;
        }
        throw error;
      }
    },
    list: async (ref, options = {}) => {
      const { timeoutMs, signal, namespace, metadataOnly, ...query } = options;
      const what = `list ${ref.plural}`;
      const path = resourcePath(ref, { namespace }, { ...query });
      const accept = metadataOnly === true ? METADATA_LIST : undefined;
      return asList(
        ref,
        what,
        await call('GET', ref, { path, what, accept, options: { timeoutMs, signal } }),
      );
    },
    getRaw: (path, options) => call('GET', undefined, { path, what: `get ${path}`, options }),
  };
}

export function writeVerbs(call: Caller): Pick<KubeClient, 'create' | 'replace' | 'delete'> {
  return {
    create: async (ref, object, options) => {
      const what = `create ${ref.kind} ${keyOf(object)}`;
      const path = resourcePath(ref, { namespace: object.metadata.namespace });
      return asObject(ref, what, await call('POST', ref, { path, what, body: object, options }));
    },
    replace: async (ref, object, options = {}) => {
      const { subresource } = options;
      const what = `replace ${ref.kind} ${keyOf(object)}`;
      const path = objectPath(ref, { ...nameOf(object), subresource });
      return asObject(ref, what, await call('PUT', ref, { path, what, body: object, subresource, options }));
    },
    delete: async (ref, name, options = {}) => {
      const { propagationPolicy, preconditions } = options;
      const what = `delete ${ref.kind} ${keyOf(name)}`;
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions };
      try {
        await call('DELETE', ref, { path: objectPath(ref, name), what, body, options });
      } catch (error) {
        if (!isNotFound(error)) {
          throw error;
        }
      }
    },
  };
}

/** The body of an apply is YAML; JSON is valid YAML. */
const APPLY_PATCH = 'application/apply-patch+yaml';
const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';

export function applyVerbs(call: Caller): Pick<KubeClient, 'patch' | 'apply' | 'applyStatus'> {
  const send = async <T extends KubeObject>(
    ref: ResourceRef<T>,
    verb: 'patch' | 'apply',
    name: ObjectName,
    body: unknown,
    options: PatchOptions,
  ): Promise<T> => {
    const { subresource, fieldManager } = options;
    const query: Record<string, QueryValue> = { fieldManager, force: verb === 'apply' ? true : undefined };
    const what = `${verb} ${ref.kind} ${keyOf(name)}${subresource === undefined ? '' : ` (${subresource})`}`;
    const contentType = verb === 'apply' ? APPLY_PATCH : Array.isArray(body) ? JSON_PATCH : MERGE_PATCH;
    const path = objectPath(ref, { ...name, subresource }, query);
    return asObject(
      ref,
      what,
      await call('PATCH', ref, { path, what, body, contentType, subresource, options }),
    );
  };
  return {
    patch: (ref, name, patch, options = {}) => send(ref, 'patch', name, patch, options),
    apply: (ref, object, options) => send(ref, 'apply', nameOf(object), object, options),
    applyStatus: (ref, object, options) =>
      send(ref, 'apply', nameOf(object), object, { ...options, subresource: 'status' }),
  };
}

function nameOf({ metadata }: { readonly metadata: ObjectName }): ObjectName {
  const { name, namespace } = metadata;
  return namespace === undefined ? { name } : { name, namespace };
}

/** The type is not checked: the API server guarantees it. Items in lists of core kinds lack apiVersion and kind. */
function asObject<T extends KubeObject>(ref: ResourceRef<T>, what: string, answer: unknown): T {
  if (typeof answer !== 'object' || answer === null || !('metadata' in answer)) {
    const message = `${what}: the answer is not an object: ${JSON.stringify(answer).slice(0, 200)}`;
    throw new ApiError({ status: 200, reason: 'InvalidAnswer', message });
  }
  return { apiVersion: apiVersionOf(ref), kind: ref.kind, ...answer } as T;
}

function asList<T extends KubeObject>(ref: ResourceRef<T>, what: string, answer: unknown): KubeList<T> {
  const list = answer as {
    items?: unknown;
    metadata?: { resourceVersion?: unknown; continue?: unknown };
  } | null;
  if (list === null || !Array.isArray(list.items) || typeof list.metadata?.resourceVersion !== 'string') {
    const message = `${what}: the answer is not a list: ${JSON.stringify(answer).slice(0, 200)}`;
    throw new ApiError({ status: 200, reason: 'InvalidAnswer', message });
  }
  const next = list.metadata.continue;
  return {
    items: list.items.map((item: unknown) => asObject(ref, what, item)),
    resourceVersion: list.metadata.resourceVersion,
    ...(typeof next === 'string' && next !== '' ? { continue: next } : {}),
  };
}
