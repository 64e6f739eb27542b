/**
 * What the differential test sends: cases of requests that follow each other, each case in a namespace of its own.
 * In paths and bodies `{ns}` stands for that namespace, and `{rv}`, `{uid}` and `{continue}` for what the answer
 * before had in its metadata, `{etag}` for its ETag, `{n}` and `{four}` for a number that no other case has, as
 * it is and in four digits.
 */

/** One request. */
export interface Step {
  /** WATCH is a GET of a collection that stays open while the steps of `during` are taken. */
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'WATCH';
  readonly path: string;
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** Instead of the administrator's certificate. */
  readonly token?: string;
  /** What of the body is compared; without it all. */
  readonly view?: (body: unknown) => unknown;
  /** The request is sent again until this holds of its answer: what the server does by itself takes a moment. */
  readonly until?: (status: number, body: unknown) => boolean;
  /** Of a watch: what happens meanwhile, and how many events to wait for; Infinity waits for the watch to end. */
  readonly during?: readonly Step[];
  readonly events?: number;
  /** The headers by which clients keep the answer are compared, too. */
  readonly isCached?: true;
}

/** Requests whose answers are compared. */
export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

export const WIDGETS = '/apis/example.com/v1/namespaces/{ns}/widgets';
export const CONFIG_MAPS = '/api/v1/namespaces/{ns}/configmaps';
export const SECRETS = '/api/v1/namespaces/{ns}/secrets';
export const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

export const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
const APPLY_PATCH = 'application/apply-patch+yaml';

/** Also the type of a body: an object is then sent in protobuf, and bytes as they are. */
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** A case by its name and its requests. */
export function story(name: string, ...steps: Step[]): Case {
  return { name, steps };
}

export function get(path: string, accept?: string): Step {
  return { method: 'GET', path, ...(accept === undefined ? {} : { headers: { Accept: accept } }) };
}

/** The same request, by somebody else. */
export function as(user: string, step: Step, ...groups: string[]): Step {
  const impersonation = {
    'Impersonate-User': user,
    ...(groups.length > 0 ? { 'Impersonate-Group': groups } : {}),
  };
  return { ...step, headers: { ...step.headers, ...impersonation } };
}

/** The same request, with another header Accept. */
export function accepting(accept: string, step: Step): Step {
  return { ...step, headers: { ...step.headers, Accept: accept } };
}

/** The same request in protobuf: its body, unless that is a patch, and its answer. */
export function inProtobuf(step: Step): Step {
  const isPatch = step.method === 'PATCH' || step.body === undefined;
  return accepting(PROTOBUF, isPatch ? step : { ...step, type: PROTOBUF });
}

/** Asks until there is nothing there any more. */
export function untilGone(path: string): Step {
  return { ...get(path), until: (status) => status === 404 };
}

/** Asks until that holds of the object. */
export function until(path: string, holds: (body: never) => boolean, view?: Step['view']): Step {
  const step = {
    ...get(path),
    until: (status: number, body: unknown) => status === 200 && holds(body as never),
  };
  return view === undefined ? step : { ...step, view };
}

/** Asks until a definition is in force, which a server does by itself after it has answered. */
export function untilEstablished(path: string): Step {
  return until(path, ({ status }: { status?: { conditions?: { type: string; status: string }[] } }) =>
    (status?.conditions ?? []).some(({ type, status: value }) => type === 'Established' && value === 'True'),
  );
}

/** Watches, and compares the first `events` events; `during` happens once the watch is open. */
export function watch(path: string, events: number, ...during: Step[]): Step {
  return { method: 'WATCH', path, events, during };
}

/** Takes a step of which only the status is compared. */
export function quietly(step: Step): Step {
  return { ...step, view: () => undefined };
}

/** The same request, with the headers by which clients keep the answer. */
export function cached(step: Step): Step {
  return { ...step, isCached: true };
}

/** A GET of which only a part is compared. */
export function part(path: string, view: (body: unknown) => unknown, accept?: string): Step {
  return { ...get(path, accept), view };
}

export function post(path: string, body: unknown, type?: string): Step {
  return { method: 'POST', path, body, ...(type === undefined ? {} : { type }) };
}

export function put(path: string, body: unknown): Step {
  return { method: 'PUT', path, body };
}

export function remove(path: string, body?: unknown): Step {
  return { method: 'DELETE', path, body };
}

export function patch(type: string, path: string, body: unknown): Step {
  return { method: 'PATCH', path, body, type };
}

export function merge(path: string, body: unknown): Step {
  return patch(MERGE_PATCH, path, body);
}

/** Server-side apply by the manager; further parameters follow with `&`. */
export function apply(path: string, manager: string, body: unknown, parameters = ''): Step {
  return patch(APPLY_PATCH, `${path}?fieldManager=${manager}${parameters}`, body);
}

/** A widget with the smallest spec that is valid. */
export function widget(name: string, spec: object = {}, metadata: object = {}): object {
  const full = { colour: 'green', ...spec };
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, ...metadata }, spec: full };
}

/** A widget with exactly this spec. */
export function bareWidget(name: string, spec: unknown): object {
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name }, spec };
}

export function configMap(name: string, data: unknown = { a: '1' }, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}
