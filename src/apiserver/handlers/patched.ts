/** Checks a patched object as if a client had sent it whole. */

import { typeProblem } from '../codec/decode.ts';
import type { Findings } from '../codec/go-decode.ts';
import { goText } from '../codec/go-text.ts';
import { isJsonObject } from '../codec/merge-patch.ts';
import { sortedKeys } from '../codec/sorted-json.ts';
import { asKubeObject } from '../meta/object-meta.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { cloneJson } from '../schema/json.ts';
import { invalid } from '../status-errors.ts';
import type { JsonObject, JsonValue, KubeObject } from '../types.ts';
import type { ResourceRequest } from './context.ts';
import { decodingWarnings, strictProblem } from './decode-object.ts';
import type { WriteOptions } from './options.ts';
import { decodeTyped } from './typed.ts';
import { checkPlace, requireName } from './update.ts';

const NO_OBJECT =
  'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** How the object was patched. */
interface Patching {
  /** Fields that occur twice in the patch. */
  readonly duplicates: readonly string[];
  /** Further warnings about the patch itself. */
  readonly warnings: readonly string[];
  /** A strategic merge patch, as sent. */
  readonly strategic?: JsonObject;
}

/** Checks the result of a patch as a request body is checked. */
export function patchedObject(
  request: ResourceRequest,
  options: WriteOptions,
  left: JsonValue,
  name: string,
  { duplicates, warnings, strategic }: Patching,
): KubeObject {
  const { resource } = request;
  const result = cloneJson(left);
  // Only a refusal shows it.
  const whole = (): string =>
    strategic === undefined ? JSON.stringify(sortedKeys(left)) : goText(strategic);
  if (!isJsonObject(result)) throw refused(whole(), NO_OBJECT);
  if (strategic === undefined) checkKind(resource, result, whole);
  const isOfNoKind = strategic === undefined && isOfNoVersion(resource, result);
  const { problem, unknown } = isOfNoKind
    ? withoutFields(result)
    : decodeTyped(resource, result, strategic === undefined ? 'json' : 'converter');
  if (problem !== undefined) throw refused(whole(), problem);
  const odd = [...warnings, ...decodingWarnings(duplicates, unknown.toSorted(), resource.custom)];
  const misfit = strictProblem(odd, options, request.warnings);
  if (misfit !== undefined) throw refused(whole(), misfit);
  // A strategic patch cannot change the type of the struct that it is applied to.
  if (strategic !== undefined)
    Object.assign(result, { apiVersion: apiVersionOf(resource), kind: resource.kind });
  requireName(result as unknown as KubeObject, name);
  const object = asKubeObject(result);
  checkType(resource, object, whole);
  return checkPlace(request, object, name);
}

function isOfNoVersion({ custom }: Resource, { apiVersion }: JsonObject): boolean {
  return !custom && !apiVersion;
}

/** A built-in object without a version: kube reads it as a kind that has no fields at all. */
function withoutFields(result: JsonObject): Findings {
  const unknown = Object.keys(result).filter((name) => name !== 'apiVersion' && name !== 'kind');
  for (const name of unknown) delete result[name];
  result.metadata = {};
  return { problem: undefined, unknown };
}

function checkKind(resource: Resource, result: JsonObject, whole: () => string): void {
  const problem = typeProblem(result);
  if (problem !== undefined) throw refused(whole(), `couldn't get version/kind; ${problem}`);
  if (!resource.custom) result.kind ||= resource.kind;
  if (!result.kind) throw refused(whole(), `Object 'Kind' is missing in '${whole()}'`);
}

/** The error for a patched object that cannot be decoded; kube quotes the object in full. */
function refused(whole: string, detail: string): Error {
  return invalid({ group: '', name: '' }, '', [{ type: 'Invalid', field: 'patch', value: whole, detail }]);
}

/** A patch must not change an object's kind. */
function checkType(
  resource: Resource,
  { apiVersion, kind, metadata }: KubeObject,
  whole: () => string,
): void {
  const expected = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const found: JsonObject = { apiVersion, kind };
  const field = (['apiVersion', 'kind'] as const).find((one) => found[one] !== expected[one]);
  if (field === undefined) return;
  if (!resource.custom) {
    const what = `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`;
    throw refused(whole(), `${what} in scheme "pkg/runtime/scheme.go:111"`);
  }
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  const detail = `must be ${expected[field]}`;
  throw invalid({ group, name: kind }, metadata.name ?? '', [
    { type: 'Invalid', field, value: found[field], detail },
  ]);
}
