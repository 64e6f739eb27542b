/** What a patch leaves is looked at as if it had been sent. */

import { isJsonObject } from '../codec/merge-patch.ts';
import { sortedKeys } from '../codec/sorted-json.ts';
import { asKubeObject, metaProblem } from '../meta/object-meta.ts';
import { apiVersionOf, type Resource } from '../registry/resource.ts';
import { cloneJson } from '../schema/json.ts';
import { badRequest, invalid } from '../status-errors.ts';
import type { JsonObject, JsonValue, KubeObject } from '../types.ts';
import type { ResourceRequest } from './context.ts';
import { oddities, settleNamespace, strictProblem } from './decode-object.ts';
import { decodeProblem } from './go-structs.ts';
import type { WriteOptions } from './options.ts';
import { requireName } from './update.ts';

const NO_OBJECT =
  'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/**
 * The object that a patch has left, checked as a body would be.
 *
 * @param duplicates fields that the patch gives twice
 * @param complaints what else is odd about the patch itself
 */
export function patchedObject(
  request: ResourceRequest,
  options: WriteOptions,
  left: JsonValue,
  name: string,
  { duplicates, complaints }: { duplicates: readonly string[]; complaints: readonly string[] },
): KubeObject {
  const { resource } = request;
  const result = cloneJson(left);
  const whole = JSON.stringify(sortedKeys(result));
  if (!isJsonObject(result)) throw refused(whole, NO_OBJECT);
  if (!resource.custom) result.kind ??= resource.kind;
  if (result.kind === undefined || result.kind === '') {
    throw refused(whole, `Object 'Kind' is missing in '${whole}'`);
  }
  const problem = metaProblem(result, resource);
  if (problem !== undefined) throw refused(whole, problem);
  const odd = [...complaints, ...oddities(duplicates, resource.compiled.prune(result))];
  const misfit =
    strictProblem(odd, options, request.warnings) ??
    (resource.custom ? undefined : decodeProblem(resource, resource.compiled.validate(result)));
  if (misfit !== undefined) throw refused(whole, misfit);
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

/** The patched object, which kube quotes in full, can not be read. */
function refused(whole: string, detail: string): Error {
  return invalid({ group: '', name: '' }, '', [{ type: 'Invalid', field: 'patch', value: whole, detail }]);
}

/** No patch makes an object one of another kind. */
function checkType(resource: Resource, { apiVersion, kind, metadata }: KubeObject, whole: string): void {
  const expected = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const found: JsonObject = { apiVersion, kind };
  const field = (['apiVersion', 'kind'] as const).find((one) => found[one] !== expected[one]);
  if (field === undefined) return;
  if (!resource.custom) {
    const what = `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`;
    throw refused(whole, `${what} in scheme "pkg/runtime/scheme.go:111"`);
  }
  const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
  const detail = `must be ${expected[field]}`;
  throw invalid({ group, name: kind }, metadata.name ?? '', [
    { type: 'Invalid', field, value: found[field], detail },
  ]);
}
