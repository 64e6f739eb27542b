/** What the server's thread and its worker tell each other; all of it can be cloned. */

import type { TokenUser } from '../auth/types.ts';
import type { ResourceRequest } from '../handlers/context.ts';
import type { DeleteOptions } from '../handlers/delete.ts';
import type { ReviewKind } from '../handlers/review-kinds.ts';
import type { Question } from '../handlers/reviews.ts';
import type { Format } from '../http/negotiate.ts';
import type { Status } from '../status-errors.ts';

/** What a worker knows from its start. */
export interface WorkerSetup {
  readonly tokens: readonly TokenUser[];
}

/** An object of the store that a job may read. */
export interface Entry {
  readonly bucket: string;
  readonly key: string;
  readonly revision: number;
  readonly json: string;
}

export type Refusal = Status & { code: number };

/** What a request is, apart from its resource and what cannot be cloned. */
type Asked = Pick<
  ResourceRequest,
  'verb' | 'namespace' | 'name' | 'subresource' | 'accept' | 'user' | 'userAgent'
> & {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  readonly query: string;
  readonly warnings: readonly string[];
};

/** A definition, by which a worker serves a custom resource; it keeps the newest of each name. */
interface Definition {
  readonly name: string;
  readonly revision: number;
  readonly json: string;
}

/** A request that may write one object. */
export interface WriteJob {
  readonly kind: 'write';
  readonly asked: Asked;
  readonly resource: Pick<ResourceRequest['resource'], 'group' | 'version' | 'plural'>;
  /** Of a custom resource. */
  readonly definition: Definition | undefined;
  /** What else it would be refused for if it created an object. */
  readonly creation: Refusal | undefined;
  /** Whether the user may write objects of other owners. */
  readonly ownsForOthers: boolean;
  readonly entries: readonly Entry[];
  /** The resourceVersion of what the worker writes, until the server's thread does the write and replaces it. */
  readonly pendingRevision: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A review, which reads roles and bindings. */
export interface ReviewJob {
  readonly kind: 'review';
  readonly review: Pick<ReviewKind, 'group' | 'version' | 'plural'>;
  readonly asked: Pick<Asked, 'mediaType' | 'bytes' | 'query' | 'warnings'> &
    Pick<Question, 'verb' | 'userAgent' | 'user' | 'namespace' | 'accept' | 'now'>;
  readonly entries: readonly Entry[];
}

/** The body of a deletion of a collection: what it deletes is not read here. */
export interface OptionsJob {
  readonly kind: 'options';
  readonly asked: Pick<Asked, 'mediaType' | 'bytes' | 'query'>;
}

/** An answer that is to be written in another form than JSON. */
export interface EncodeJob {
  readonly kind: 'encode';
  readonly json: string;
  readonly format: Format;
}

/** A list that is long, in a form that has to be made of its objects. */
export interface ListJob {
  readonly kind: 'list';
  readonly asked: Pick<Asked, 'accept' | 'query'>;
  readonly resource: WriteJob['resource'];
  readonly definition: Definition | undefined;
  readonly items: readonly Entry[];
  /** The list's own metadata. */
  readonly metadata: object;
  readonly now: number;
}

export type Job = WriteJob | OptionsJob | ListJob | ReviewJob | EncodeJob;

/** The one write of a job; `json` has the pending resourceVersion. */
export interface Write {
  readonly type: 'put' | 'remove';
  readonly bucket: string;
  readonly key: string;
  readonly json: string;
}

/** How a job ended: with an answer's status and JSON, with bytes, with options, with a refusal, or with an error nobody expected. */
export type Result =
  | { readonly kind: 'answer'; readonly code: number; readonly json: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'options'; readonly options: DeleteOptions }
  /** The JSON is of all of it, where that is long: what `refusal` says is cut then. */
  | { readonly kind: 'refusal'; readonly refusal: Refusal; readonly json?: string }
  | { readonly kind: 'failure'; readonly stack: string };

export interface Outcome {
  readonly result: Result;
  readonly warnings: readonly string[];
  /** All that the job looked for in the store. */
  readonly reads: readonly Pick<Entry, 'bucket' | 'key'>[];
  readonly write: Write | undefined;
}

export interface Posted {
  readonly id: number;
  readonly job: Job;
}

export interface Done {
  readonly id: number;
  readonly outcome: Outcome;
}
