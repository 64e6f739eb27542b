import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { encodeOpenApiV2 } from '../codec/openapi-protobuf.ts';
import { send, sendBytes } from '../http/respond.ts';
import type { Registry } from '../registry/registry.ts';
import type { Resource } from '../registry/resource.ts';
import { buildOpenApiV2, buildOpenApiV3 } from '../schema/openapi.ts';
import type { OpenApiKind } from '../types.ts';

interface Document {
  readonly json: string;
  readonly hash: string;
  /** The version 2 document, encoded at the first request for it. */
  protobuf?: Buffer;
}

function kindOf(resource: Resource): OpenApiKind {
  const { group, version, kind, listKind, plural, namespaced, schema, hasStatus, scale, definitionName } =
    resource;
  return {
    group,
    version,
    kind,
    listKind,
    plural,
    namespaced,
    schema,
    subresources: [...(hasStatus ? (['status'] as const) : []), ...(scale ? (['scale'] as const) : [])],
    ...(definitionName === undefined ? {} : { definitionName }),
  };
}

/** Clients write the version either way. */
const WANTS_PROTOBUF_V2 = /^application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf$/;
const PROTOBUF_V2 = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const JSON_TYPES = ['application/json', 'application/*', '*/*'];

/** The first acceptable format that is available; version 3 is available as JSON only. */
function formatFor(accept: string | undefined, version: 2 | 3): 'json' | 'protobuf' | undefined {
  for (const range of (accept || '*/*').split(',')) {
    const type = (range.split(';')[0] ?? '').trim();
    if (JSON_TYPES.includes(type)) return 'json';
    if (version === 2 && WANTS_PROTOBUF_V2.test(type)) return 'protobuf';
  }
  return undefined;
}

function documentOf(content: object): Document {
  const json = JSON.stringify(content);
  return { json, hash: createHash('sha512').update(json).digest('hex').toUpperCase() };
}

/** `api/v1`, `apis/example.com/v1` */
function pathOf({ group, version }: Resource): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** The OpenAPI documents of all served kinds, rebuilt when the kinds change. */
export class OpenApiDocuments {
  readonly #registry: Registry;
  #generation = -1;
  #v3 = new Map<string, Document>();
  #v2: Document | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Answers paths below `/openapi/`; false if there is no such document. */
  serve(request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams): boolean {
    this.#refresh();
    if (path === '/openapi/v3') {
      // kube sets no content type on its index, and Go detects text.
      const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
      send(response, { code: 200, body: this.#index(), headers });
      return true;
    }
    const isV2 = path === '/openapi/v2';
    const document = isV2 ? this.#version2() : this.#v3.get(path.slice('/openapi/v3/'.length));
    if (document === undefined) return false;
    const format = formatFor(request.headers.accept, isV2 ? 2 : 3);
    if (format === undefined) sendBytes(response, 406, Buffer.alloc(0), { Vary: 'Accept' });
    else sendDocument(request, response, { document, format, isPinned: query.get('hash') === document.hash });
    return true;
  }

  #refresh(): void {
    const { generation } = this.#registry;
    if (generation === this.#generation) return;
    this.#generation = generation;
    this.#v2 = undefined;
    const byPath = Map.groupBy(this.#registry.all(), pathOf);
    const built = [...byPath].map(
      ([path, resources]) => [path, documentOf(buildOpenApiV3(resources.map(kindOf)))] as const,
    );
    this.#v3 = new Map(built);
  }

  #version2(): Document {
    this.#v2 ??= documentOf(buildOpenApiV2(this.#registry.all().map(kindOf)));
    return this.#v2;
  }

  #index(): object {
    const entries = [...this.#v3].map(([path, { hash }]) => [
      path,
      { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` },
    ]);
    return { paths: Object.fromEntries(entries) };
  }
}

/** A document to send; `isPinned` if the client requested it by its hash. */
interface Sending {
  readonly document: Document;
  readonly format: 'json' | 'protobuf';
  readonly isPinned: boolean;
}

function sendDocument(
  request: IncomingMessage,
  response: ServerResponse,
  { document, format, isPinned }: Sending,
): void {
  const { json, hash } = document;
  const etag = `"${hash}"`;
  // A document requested by its hash never changes.
  const caching = isPinned ? 'public, immutable' : 'no-cache, private';
  const headers = { ETag: etag, 'Cache-Control': caching, Vary: 'Accept' };
  if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
  else if (format === 'json') send(response, { code: 200, body: json, headers });
  else {
    document.protobuf ??= encodeOpenApiV2(JSON.parse(json) as object);
    sendBytes(response, 200, document.protobuf, { ...headers, 'Content-Type': PROTOBUF_V2 });
  }
}
