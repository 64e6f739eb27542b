import type { ResourceRequest } from '../handlers/context.ts';
import { jsonOf } from '../handlers/present.ts';
import { apiVersionOf } from '../registry/resource.ts';
import type { StoredObject } from '../storage/store.ts';
import { includeObjectOf, partialMetadata, tableOf } from '../table.ts';
import type { KubeObject } from '../types.ts';
import type { WatchEvent } from './watch-source.ts';

const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

function line(type: string, objectJson: string): string {
  return `{"type":"${type}","object":${objectJson}}\n`;
}

/** Writes events as lines in the requested form. */
export class EventWriter {
  readonly #request: ResourceRequest;
  readonly #now: () => number;
  #columnsSent = false;

  constructor(request: ResourceRequest, now: () => number) {
    this.#request = request;
    this.#now = now;
  }

  event({ type, stored }: WatchEvent): string {
    return line(type, this.#objectJson(stored));
  }

  /** A bookmark: the revision from which the client can resume. */
  bookmark(revision: number, endsInitialEvents: boolean): string {
    const { resource, accept } = this.#request;
    const resourceVersion = String(revision);
    const annotations = endsInitialEvents ? { annotations: { [INITIAL_EVENTS_END]: 'true' } } : {};
    const metadata = { ...annotations, resourceVersion };
    const { apiVersion } = accept;
    if (accept.as === 'Table') {
      const bookmark = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
      return line('BOOKMARK', JSON.stringify(this.#table([bookmark], { resourceVersion })));
    }
    const type =
      accept.as === undefined
        ? { kind: resource.kind, apiVersion: apiVersionOf(resource) }
        : { kind: 'PartialObjectMetadata', apiVersion };
    return line('BOOKMARK', JSON.stringify({ ...type, metadata }));
  }

  error(status: object): string {
    return line('ERROR', JSON.stringify(status));
  }

  #objectJson(stored: StoredObject): string {
    const { resource, accept } = this.#request;
    switch (accept.as) {
      case undefined:
        return jsonOf(resource, stored);
      case 'Table':
        return JSON.stringify(
          this.#table([resource.fromStored(stored.object)], { resourceVersion: String(stored.revision) }),
        );
      case 'PartialObjectMetadata':
      case 'PartialObjectMetadataList':
        return JSON.stringify(partialMetadata(resource.fromStored(stored.object), accept.apiVersion));
    }
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
