import type { KubeObject, ObjectName, ResourceRef } from '../../base/object.ts';
import type { WatchEvent } from '../http/watch.ts';

export interface CallOptions {
  /** Milliseconds for the whole call, retries on an overloaded server included; default 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface WriteOptions extends CallOptions {
  /** Called each time just before the request is written to its connection; if it throws, nothing is sent. */
  readonly beforeSend?: () => void;
}

export interface ListOptions extends CallOptions {
  /** All namespaces by default. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Objects per answer; fetch the rest by `continue`. */
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  /** Only the metadata of each object, as a PartialObjectMetadata. */
  readonly metadataOnly?: boolean;
}

export interface KubeList<T extends KubeObject> {
  readonly items: T[];
  /** Start a watch here to continue this list. */
  readonly resourceVersion: string;
  /** Set when there is more. */
  readonly continue?: string;
}

interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
  /** The server ends the watch after this many seconds. */
  readonly timeoutSeconds: number;
  /** Silence longer than this counts as a dead connection. */
  readonly idleMs: number;
  /** As for a list. */
  readonly metadataOnly?: boolean;
  readonly signal?: AbortSignal;
}

interface DeleteOptions extends WriteOptions {
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  /** Deletes only the object with this uid or version: 409 when another has taken its name, or it changed. */
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: string;
  readonly fieldManager?: string;
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string;
  readonly subresource?: string;
}

/** An operation of RFC 6902, as far as they are used here. */
export interface JsonPatchOperation {
  readonly op: 'add' | 'test';
  /** JSON pointer. */
  readonly path: string;
  readonly value: unknown;
}

/** The fields that a field manager wants in an object, and only those. */
export type ApplyConfiguration = Pick<KubeObject, 'apiVersion' | 'kind'> & {
  readonly metadata: ObjectName;
};

/**
 * The Kubernetes API, for any resource. All calls reject with an ApiError, or with the reason of the caller's signal. Returned
 * objects always have apiVersion and kind, also in lists.
 */
export interface KubeClient {
  get<T extends KubeObject>(ref: ResourceRef<T>, name: ObjectName, options?: CallOptions): Promise<T>;
  /** As `get`, but undefined when there is no such object. */
  find<T extends KubeObject>(
    ref: ResourceRef<T>,
    name: ObjectName,
    options?: CallOptions,
  ): Promise<T | undefined>;
  /** One page of a list. */
  list<T extends KubeObject>(ref: ResourceRef<T>, options?: ListOptions): Promise<KubeList<T>>;
  /** The events since a resource version; see `http/watch.ts` for how it ends. */
  watch<T extends KubeObject>(ref: ResourceRef<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(ref: ResourceRef<T>, object: T, options?: WriteOptions): Promise<T>;
  /** Replaces the whole object (or its `subresource`); 409 unless its resourceVersion is the current one. */
  replace<T extends KubeObject>(
    ref: ResourceRef<T>,
    object: T,
    options?: WriteOptions & { readonly subresource?: string },
  ): Promise<T>;
  /** Requests deletion; resolves also when there is no such object. Finalizers may keep the object for a while. */
  delete(ref: ResourceRef, name: ObjectName, options?: DeleteOptions): Promise<void>;
  /**
   * An object is sent as a JSON merge patch (RFC 7386): 409 when it contains a metadata.resourceVersion or uid that is not the
   * current one. A list is sent as a JSON patch (RFC 6902): 422 without causes when one of its tests fails.
   */
  patch<T extends KubeObject>(
    ref: ResourceRef<T>,
    name: ObjectName,
    patch: Readonly<Record<string, unknown>> | readonly JsonPatchOperation[],
    options?: PatchOptions,
  ): Promise<T>;
  /** Server-side apply, taking over fields that other managers own. */
  apply<T extends KubeObject>(
    ref: ResourceRef<T>,
    object: ApplyConfiguration,
    options: ApplyOptions,
  ): Promise<T>;
  /** Server-side apply to the status subresource. */
  applyStatus<T extends KubeObject>(
    ref: ResourceRef<T>,
    object: ApplyConfiguration,
    options: ApplyOptions,
  ): Promise<T>;
  /** Any other GET below the server's base path: `/version`, `/readyz`, discovery. */
  getRaw(path: string, options?: CallOptions): Promise<unknown>;
  /** Ends every connection, watches included. */
  close(): Promise<void>;
}
