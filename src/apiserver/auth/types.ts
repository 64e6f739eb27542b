/** Who asks, as authentication found. */
export interface User {
  readonly name: string;
  /** What stays the same when a name is given to another person; not every user has one. */
  readonly uid?: string;
  readonly groups: readonly string[];
  /** What else the credentials tell. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What is asked for, in the terms of `SubjectAccessReview`. */
export interface Attributes {
  readonly user: User;
  /** get, list, watch, create, update, patch, delete, deletecollection; of a path: the HTTP method in lower case. */
  readonly verb: string;
  /** Set for requests that are no resource: `/api`, `/version`. */
  readonly path: string | undefined;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** Decides on one request. `reason` is for the person who was refused. */
export type Authorize = (attributes: Attributes) => { allowed: boolean; reason?: string };

/** A bearer token and whom it stands for. */
export interface TokenUser {
  readonly token: string;
  readonly user: string;
  readonly uid?: string;
  readonly groups: readonly string[];
}
