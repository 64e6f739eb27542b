import type { User } from '../auth/types.ts';
import type { RequestBody } from '../codec/decode.ts';
import type { Accepted } from '../http/negotiate.ts';
import type { Registry } from '../registry/registry.ts';
import type { Resource } from '../registry/resource.ts';
import type { Selectors } from '../selectors/selectors.ts';
import type { ApiError } from '../status-errors.ts';
import type { ObjectStore } from '../storage/store.ts';

/** The state that handlers and controllers share. */
export interface Backend {
  readonly store: ObjectStore;
  readonly registry: Registry;
  /** Milliseconds since the epoch. */
  now(): number;
  newUid(): string;
  /** Five random characters for the end of a generated name. */
  nameSuffix(): string;
}

/** One request for a resource, authenticated and authorized. */
export interface ResourceRequest {
  readonly verb: string;
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
  /** Of list, watch and deletecollection, as authorization has read them; the error is that they are malformed. */
  readonly selectors: Selectors | ApiError;
  readonly accept: Accepted;
  readonly body: RequestBody;
  readonly user: User;
  readonly userAgent: string;
  /** Throws 403 unless the user may also do `verb` to the request's object. */
  allow(verb: string): void;
  /** Whether the user may do `verb` to the kind in the request's namespace. */
  may(verb: string): boolean;
  /** Sentences for the Warning header; handlers add to it. */
  readonly warnings: string[];
}

/** RFC 3339 in whole seconds, as all of Kubernetes' timestamps are. */
export function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}
