import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { send } from '../http/respond.ts';
import type { Registry } from '../registry/registry.ts';
import type { Resource } from '../registry/resource.ts';
import { buildOpenApiV2, buildOpenApiV3 } from '../schema/openapi.ts';
import type { OpenApiKind } from '../types.ts';

interface Document {
  json: string;
  hash: string;
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
const WANTS_PROTOBUF_V2 = /proto-openapi\.spec\.v2[@.]v1\.0\+protobuf/;
const PROTOBUF_V2 = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/**
 * An OpenAPI v2 document without paths, as protobuf: swagger (1), info (2) of title (1) and version (2), paths (8).
 * kubectl asks for it in this form only about a kind that it has not found in v3, and is not to find it here either.
 */
const EMPTY_V2 = Buffer.concat([
  field(1, Buffer.from('2.0')),
  field(2, Buffer.concat([field(1, Buffer.from('Kubernetes')), field(2, Buffer.from('v1.36.3'))])),
  field(8, Buffer.alloc(0)),
]);

/** A field of bytes shorter than 128. */
function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([number * 8 + 2, content.length]), content]);
}

function documentOf(content: object): Document {
  const json = JSON.stringify(content);
  return { json, hash: createHash('sha512').update(json).digest('hex').toUpperCase() };
}

/** `api/v1`, `apis/example.com/v1` */
function pathOf({ group, version }: Resource): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** The OpenAPI documents of everything served, made anew when that changes. */
export class OpenApiDocuments {
  readonly #registry: Registry;
  #generation = -1;
  #v3 = new Map<string, Document>();
  #v2: Document | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Answers what is below `/openapi/`; false: there is no such document. */
  serve(request: IncomingMessage, response: ServerResponse, path: string, query: URLSearchParams): boolean {
    this.#refresh();
    if (path === '/openapi/v3') {
      // kube leaves the type of its index to Go, which takes it for text.
      const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
      send(response, { code: 200, body: this.#index(), headers });
      return true;
    }
    if (path === '/openapi/v2' && WANTS_PROTOBUF_V2.test(request.headers.accept ?? '')) {
      response.writeHead(200, { 'Content-Type': PROTOBUF_V2, Vary: 'Accept' }).end(EMPTY_V2);
      return true;
    }
    const document =
      path === '/openapi/v2' ? this.#version2() : this.#v3.get(path.slice('/openapi/v3/'.length));
    if (document === undefined) return false;
    sendDocument(request, response, document, query.get('hash') === document.hash);
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

function sendDocument(
  request: IncomingMessage,
  response: ServerResponse,
  { json, hash }: Document,
  pinned: boolean,
): void {
  const etag = `"${hash}"`;
  // What is asked for by its hash never changes.
  const caching = pinned ? 'public, immutable' : 'no-cache, private';
  const headers = { ETag: etag, 'Cache-Control': caching, Vary: 'Accept' };
  if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
  else send(response, { code: 200, body: json, headers });
}
