/** The authenticated user. */
export interface User {
  readonly name: string;
  /** Identifies the user even if their name is reused; not every user has one. */
  readonly uid?: string;
  readonly groups: readonly string[];
  /** Further facts from the credentials. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The requested access, in the terms of `SubjectAccessReview`. */
export interface Attributes {
  readonly user: User;
  /** get, list, watch, create, update, patch, delete, deletecollection; for a path: the HTTP method in lower case. */
  readonly verb: string;
  /** Set for requests that name no resource: `/api`, `/version`. */
  readonly path: string | undefined;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

/** Decides on one request. `reason` explains a refusal to the user. */
export type Authorize = (attributes: Attributes) => { allowed: boolean; reason?: string };

/** A bearer token and its user. */
export interface TokenUser {
  readonly token: string;
  readonly user: string;
  readonly uid?: string;
  readonly groups: readonly string[];
}
