/** Checks a patched object as if a client had sent it whole. */

import { isJsonObject } from '../codec/merge-patch.ts';
import { sortedKeys } from '../codec/sorted-json.ts';
import { asKubeObject, metaProblem } from '../meta/object-meta.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { cloneJson } from '../schema/json.ts';
import { badRequest, invalid } from '../status-errors.ts';
import type { JsonObject, JsonValue, KubeObject } from '../types.ts';
import type { ResourceRequest } from './context.ts';
import { decodingWarnings, settleNamespace, strictProblem } from './decode-object.ts';
import { decodeProblem } from './go-structs.ts';
import type { WriteOptions } from './options.ts';
import { requireName } from './update.ts';

const NO_OBJECT =
  'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/**
 * Checks the result of a patch as a request body is checked.
 *
 * @param duplicates fields that occur twice in the patch
 * @param warnings further warnings about the patch itself
 */
export function patchedObject(
  request: ResourceRequest,
  options: WriteOptions,
  left: JsonValue,
  name: string,
  { duplicates, warnings }: { duplicates: readonly string[]; warnings: readonly string[] },
): KubeObject {
  const { resource } = request;
  const result = cloneJson(left);
  // Only a refusal shows it.
  const whole = (): string => JSON.stringify(sortedKeys(left));
  if (!isJsonObject(result)) throw refused(whole(), NO_OBJECT);
  if (!resource.custom) result.kind ??= resource.kind;
  if (result.kind === undefined || result.kind === '') {
    throw refused(whole(), `Object 'Kind' is missing in '${whole()}'`);
  }
  const problem = metaProblem(result, resource);
  if (problem !== undefined) throw refused(whole(), problem);
  const odd = [
    ...warnings,
    ...decodingWarnings(duplicates, resource.compiled.prune(result), resource.custom),
  ];
  const misfit =
    strictProblem(odd, options, request.warnings) ??
    (resource.custom ? undefined : decodeProblem(resource, resource.compiled.validate(result)));
  if (misfit !== undefined) throw refused(whole(), misfit);
  requireName(result as unknown as KubeObject, name);
  const object = asKubeObject(result);
  checkType(resource, object, whole);
  if (object.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  settleNamespace(request, object);
  return object;
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
