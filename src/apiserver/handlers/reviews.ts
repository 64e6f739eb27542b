import { own } from '../../base/own.ts';
import { trackUpdate } from '../apply/apply.ts';
import type { RbacPolicy } from '../auth/rbac/policy.ts';
import type { PolicyRule } from '../auth/rbac/rules.ts';
import type { User } from '../auth/types.ts';
import { decodeObject, type RequestBody } from '../codec/decode.ts';
import { decodeStruct } from '../codec/go-decode.ts';
import { type GoStruct, texts, zeroStruct } from '../codec/go-types.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { OBJECT_META } from '../meta/object-meta.ts';
import { asJson } from '../registry/resource.ts';
import { badRequest, invalid, notDecodable, wrongTransform } from '../status-errors.ts';
import { partialMetadata } from '../table.ts';
import type { FieldError, JsonObject, JsonValue, KubeObject } from '../types.ts';
import type { ResourceRequest } from './context.ts';
import { decodingWarnings, strictProblem } from './decode-object.ts';
import { writeOptions } from './options.ts';
import type { ReviewKind } from './review-kinds.ts';

/** The audience of a token that names none: this server, by its name inside every cluster. */
const AUDIENCE = 'https://kubernetes.default.svc';

/** What answers reviews: the policy and the token lookup. */
export interface Reviewer {
  readonly policy: RbacPolicy;
  lookUpToken(token: string): User | undefined;
}

/** A review request and its user. */
export interface Question
  extends Pick<
    ResourceRequest,
    'verb' | 'query' | 'userAgent' | 'user' | 'namespace' | 'accept' | 'body' | 'warnings'
  > {
  /** RFC 3339. */
  readonly now: string;
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

function child(object: JsonObject, name: string): JsonObject | undefined {
  const value = own(object, name);
  return isJsonObject(value) ? value : undefined;
}

/** Checks the required fields of an access review. */
function checkAccess(spec: JsonObject, subject: 'self' | 'other', namespace: string | undefined): void {
  const errors: FieldError[] = [];
  const resource = child(spec, 'resourceAttributes');
  const path = child(spec, 'nonResourceAttributes');
  if (resource !== undefined && path !== undefined) {
    const value = { Path: text(path.path), Verb: text(path.verb) };
    const detail = 'cannot be specified in combination with resourceAttributes';
    errors.push({ type: 'Invalid', field: 'spec.nonResourceAttributes', value, detail });
  } else if (resource === undefined && path === undefined) {
    const detail = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    errors.push({ type: 'Invalid', field: 'spec.resourceAttributes', valueText: 'null', detail });
  }
  const hasGroups = Array.isArray(spec.groups) && spec.groups.length > 0;
  if (subject === 'other' && text(spec.user) === '' && !hasGroups) {
    const detail = 'at least one of user or group must be specified';
    errors.push({ type: 'Invalid', field: 'spec.user', value: '', detail });
  }
  const about = text(resource?.namespace);
  if (namespace !== undefined && about !== namespace) {
    const detail = 'must match metadata.namespace';
    errors.push({ type: 'Invalid', field: 'spec.resourceAttributes.namespace', value: about, detail });
  }
  if (errors.length > 0) throw invalid({ group: 'authorization.k8s.io', name: '' }, '', errors);
}

function mayDo({ policy }: Reviewer, user: User, spec: JsonObject): JsonObject {
  const resource = child(spec, 'resourceAttributes');
  const path = child(spec, 'nonResourceAttributes');
  const { allowed, reason } = policy.authorize({
    user,
    verb: text((resource ?? path)?.verb),
    path: path === undefined ? undefined : text(path.path),
    group: text(resource?.group),
    version: text(resource?.version),
    resource: text(resource?.resource),
    subresource: text(resource?.subresource) || undefined,
    namespace: text(resource?.namespace) || undefined,
    name: text(resource?.name) || undefined,
  });
  return { allowed, ...(reason ? { reason } : {}) };
}

function subjectOf(spec: JsonObject): User {
  const groups = Array.isArray(spec.groups) ? spec.groups.filter((group) => typeof group === 'string') : [];
  return { name: text(spec.user), groups };
}

/** What a user may do in a namespace, for `kubectl auth can-i --list`. */
function rules({ policy }: Reviewer, user: User, spec: JsonObject): JsonObject {
  const namespace = text(spec.namespace);
  if (namespace === '') throw badRequest('no namespace on request');
  const held = policy.rulesOf(user, namespace);
  const copy = (rule: PolicyRule): JsonObject => structuredClone(rule) as JsonObject;
  const isOfPaths = ({ nonResourceURLs = [] }: PolicyRule): boolean => nonResourceURLs.length > 0;
  return {
    resourceRules: held.filter((rule) => !isOfPaths(rule)).map(copy),
    nonResourceRules: held.filter(isOfPaths).map(copy),
    incomplete: false,
  };
}

function tokenStatus(reviewer: Reviewer, spec: JsonObject): JsonObject {
  const token = text(spec.token);
  if (token === '') throw badRequest('token is required for TokenReview in authentication');
  const user = reviewer.lookUpToken(token);
  const asked = Array.isArray(spec.audiences) ? spec.audiences : [];
  const audiences = asked.length === 0 || asked.includes(AUDIENCE) ? [AUDIENCE] : [];
  if (user === undefined || audiences.length === 0) return { user: {}, error: 'invalid bearer token' };
  return { authenticated: true, user: userInfo(user), audiences };
}

/** A user as reviews report them. */
function userInfo({ name, uid, groups, extra }: User): JsonObject {
  const more = Object.entries(extra ?? {}).map(([key, values]): [string, JsonValue] => [key, [...values]]);
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups: [...groups],
    ...(extra === undefined ? {} : { extra: Object.fromEntries(more) }),
  };
}

function statusOf(
  kind: string,
  reviewer: Reviewer,
  { user, namespace }: Question,
  spec: JsonObject,
): JsonObject {
  switch (kind) {
    case 'SelfSubjectAccessReview':
      checkAccess(spec, 'self', undefined);
      return mayDo(reviewer, user, spec);
    case 'SelfSubjectRulesReview':
      return rules(reviewer, user, spec);
    case 'SelfSubjectReview':
      return { userInfo: userInfo(user) };
    case 'TokenReview':
      return tokenStatus(reviewer, spec);
    default:
      checkAccess(spec, 'other', kind === 'LocalSubjectAccessReview' ? namespace : undefined);
      return mayDo(reviewer, subjectOf(spec), spec);
  }
}

function structOf({ kind, spec, status }: ReviewKind): GoStruct {
  const fields = { ...texts('apiVersion', 'kind'), metadata: OBJECT_META, status };
  return { name: kind, fields: spec === undefined ? fields : { ...fields, spec } };
}

/** Reads a review and its warnings; a review may omit apiVersion and kind. */
function reviewOf(
  review: ReviewKind,
  body: RequestBody,
): { sent: KubeObject; odd: readonly string[]; repeated: readonly string[] } {
  const { kind, group, version } = review;
  const apiVersion = `${group}/${version}`;
  const { object, duplicates, repeated } = decodeObject(body, { apiVersion, kind }, true);
  const named = { apiVersion: object.apiVersion ?? apiVersion, kind: object.kind ?? kind };
  if (named.apiVersion !== apiVersion || named.kind !== kind) {
    throw badRequest(
      `the API version in the data (${text(named.apiVersion)}, Kind=${text(named.kind)}) does not match the expected API version (${apiVersion}, Kind=${kind})`,
    );
  }
  const found = decodeStruct(object, structOf(review));
  const { problem } = found;
  if (problem !== undefined) throw notDecodable(review, problem);
  const sent = { ...object, apiVersion, kind, metadata: child(object, 'metadata') ?? {} } as KubeObject;
  return { sent, odd: decodingWarnings(duplicates, found.unknown, false), repeated };
}

/** Answers a review: the object as sent, with its status, or its metadata alone where the client wants no more. */
export function handleReview(review: ReviewKind, reviewer: Reviewer, question: Question): object {
  const { as, apiVersion } = question.accept;
  const answer = answered(review, reviewer, question);
  if (as === 'PartialObjectMetadataList')
    throw wrongTransform(as, `*${review.group.split('.')[0]}.${review.kind}`);
  return as === undefined ? answer : partialMetadata(answer as KubeObject, apiVersion);
}

function answered(review: ReviewKind, reviewer: Reviewer, question: Question): JsonObject {
  const { verb, query, userAgent, warnings, now } = question;
  const options = writeOptions({ verb, query, userAgent });
  const { sent, odd, repeated } = reviewOf(review, question.body);
  const problem = strictProblem(odd, options, warnings, repeated);
  if (problem !== undefined) throw notDecodable(review, problem);
  const { apiVersion, kind } = sent;
  const spec = child(asJson(sent), 'spec') ?? {};
  const status = statusOf(kind, reviewer, question, spec);
  if (kind === 'SelfSubjectReview') {
    return { kind, apiVersion, metadata: { creationTimestamp: now }, status };
  }
  // kube answers with the rules alone.
  if (kind === 'SelfSubjectRulesReview') return { kind, apiVersion, metadata: {}, spec: {}, status };
  const updated = { ...sent, spec };
  const zero = zeroStruct(structOf(review));
  const manager = options.fieldManager;
  const how = { manager, now, apiVersion, schema: undefined, zero, subresource: undefined, custom: false };
  const { metadata } = trackUpdate({ old: undefined, updated, ...how });
  return { kind, apiVersion, metadata: asJson(metadata), spec, status };
}
