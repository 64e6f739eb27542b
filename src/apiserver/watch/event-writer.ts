import { encodeEvent } from '../codec/protobuf-encode.ts';
import type { ResourceRequest } from '../handlers/context.ts';
import { jsonOf } from '../handlers/present.ts';
import { apiVersionOf } from '../registry/resource.ts';
import type { StoredObject } from '../storage/store.ts';
import { includeObjectOf, partialMetadata, tableOf } from '../table.ts';
import type { JsonObject, KubeObject } from '../types.ts';
import type { WatchEvent } from './watch-source.ts';

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

function line(type: string, objectJson: string): string {
  return `{"type":"${type}","object":${objectJson}}\n`;
}

/** Writes events in the requested form: as lines of JSON, or as protobuf with the length before each. */
export class EventWriter {
  readonly #request: ResourceRequest;
  readonly #now: () => number;
  #columnsSent = false;

  constructor(request: ResourceRequest, now: () => number) {
    this.#request = request;
    this.#now = now;
    // Throws before the answer begins.
    if (request.accept.as === 'Table') includeObjectOf(request.query);
  }

  /** The event; undefined for a client that wants lists: what kube cannot convert ends its watch. */
  event({ type, stored }: WatchEvent): string | Buffer | undefined {
    const { resource, accept } = this.#request;
    if (accept.as === 'PartialObjectMetadataList') return undefined;
    const isPlain = accept.as === undefined && accept.format === 'json';
    return isPlain ? line(type, jsonOf(resource, stored)) : this.#written(type, this.#objectOf(stored));
  }

  /** A bookmark: the revision from which the client can resume. */
  bookmark(revision: number, endsInitialEvents: boolean): string | Buffer | undefined {
    const { resource, accept } = this.#request;
    const resourceVersion = String(revision);
    const annotations = endsInitialEvents ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {};
    const metadata = { ...annotations, resourceVersion };
    const { apiVersion } = accept;
    if (accept.as === 'PartialObjectMetadataList') return undefined;
    if (accept.as === 'Table') {
      const bookmark = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
      return this.#written('BOOKMARK', this.#table([bookmark], { resourceVersion }));
    }
    const type =
      accept.as === undefined
        ? { kind: resource.kind, apiVersion: apiVersionOf(resource) }
        : { kind: 'PartialObjectMetadata', apiVersion };
    return this.#written('BOOKMARK', { ...type, metadata });
  }

  error(status: object): string | Buffer {
    return this.#written('ERROR', status);
  }

  #written(type: string, object: object): string | Buffer {
    return this.#request.accept.format === 'protobuf'
      ? encodeEvent(type, object as JsonObject)
      : line(type, JSON.stringify(object));
  }

  #objectOf(stored: StoredObject): object {
    const { resource, accept } = this.#request;
    const object = resource.fromStored(stored.object);
    if (accept.as === undefined) return object;
    return accept.as === 'Table'
      ? this.#table([object], { resourceVersion: String(stored.revision) })
      : partialMetadata(object, accept.apiVersion);
  }

  #table(objects: readonly KubeObject[], metadata: object): object {
    const { resource, accept, query } = this.#request;
    const withColumns = !this.#columnsSent;
    this.#columnsSent = true;
    const { apiVersion } = accept;
    const form = { resource, include: includeObjectOf(query), apiVersion, now: this.#now(), withColumns };
    return tableOf(objects, form, metadata);
  }
}
