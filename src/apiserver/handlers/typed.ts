/** The one decoder of all writing paths: what a client sent, and what is left when a patch was applied. */

import { type Decoder, decodeStruct, type Findings } from '../codec/go-decode.ts';
import { decodeMeta } from '../meta/object-meta.ts';
import type { Resource } from '../registry/resource.ts';
import type { JsonObject } from '../types.ts';

/**
 * Decodes an object of the resource: a built-in kind as its Go struct; of a custom resource the metadata as a Go struct, and the
 * rest by its schema. Mutates: unknown fields and what means "not set" are gone afterwards.
 */
export function decodeTyped(resource: Resource, object: JsonObject, decoder: Decoder = 'json'): Findings {
  const { struct, compiled } = resource;
  if (struct !== undefined) return decodeStruct(object, struct, decoder);
  // What was merged was never a request's body: kube drops metadata that does not fit.
  const meta = decodeMeta(object, decoder === 'converter');
  if (meta.problem !== undefined) return meta;
  return { problem: undefined, unknown: [...meta.unknown.toSorted(), ...compiled.prune(object)] };
}
