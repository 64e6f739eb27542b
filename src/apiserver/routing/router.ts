import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { pathOf } from '../../base/shown-url.ts';
import { ANONYMOUS, type Authenticate } from '../auth/authenticate.ts';
import { refusal } from '../auth/authorize.ts';
import { impersonated } from '../auth/impersonate.ts';
import type { Attributes, Authorize, User } from '../auth/types.ts';
import { NAMESPACES } from '../core-kinds/cluster.ts';
import { type Backend, type ResourceRequest, timestamp } from '../handlers/context.ts';
import { findReview, type ReviewKind } from '../handlers/review-kinds.ts';
import { handleReview, type Question, type Reviewer } from '../handlers/reviews.ts';
import { readBody } from '../http/body.ts';
import { negotiate, plainFormat } from '../http/negotiate.ts';
import { acceptOf, isTrue, type PathInfo, parsePath, verbOf } from '../http/request-info.ts';
import { send, sendText, setWarnings } from '../http/respond.ts';
import { checkTimeout } from '../http/timeout.ts';
import {
  ApiError,
  badRequest,
  internalError,
  methodNotAllowed,
  noSuchSubresource,
  shuttingDown,
  unauthorized,
} from '../status-errors.ts';
import type { WatchSetup } from '../watch/handle-watch.ts';
import { dispatch } from './dispatch.ts';

/** Answers paths that name no resource; false for an unknown path. */
export type PathHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  query: URLSearchParams,
) => boolean;

export type ServerState = 'starting' | 'ready' | 'stopping';

export interface RouterSetup {
  state(): ServerState;
  readonly backend: Backend;
  readonly watches: WatchSetup;
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
  readonly reviewer: Reviewer;
  /** Paths that need no authentication: probes and the version. */
  readonly openPaths: PathHandler;
  readonly paths: PathHandler;
  readonly log: Logger;
}

type Place = Pick<ResourceRequest, 'resource' | 'namespace' | 'name' | 'subresource'>;
type ResourcePath = Extract<PathInfo, { kind: 'resource' }>;

/** The single name to which a field selector narrows a list or watch: a user with rights to that object only may send it. */
function nameSelected(query: URLSearchParams): string | undefined {
  return /(?:^|,)metadata\.name==?([^,]+)/.exec(query.get('fieldSelector') ?? '')?.[1];
}

function isWatch(
  { method = '' }: IncomingMessage,
  info: PathInfo | undefined,
  query: URLSearchParams,
): boolean {
  return info?.kind === 'resource' && verbOf(method, info.name, isTrue(query.get('watch'))) === 'watch';
}

const NOT_FOUND_TEXT = '404 page not found\n';

/** Routes requests to their handlers: authenticates, parses the path, authorizes, then handles. */
export class Router {
  readonly #setup: RouterSetup;

  constructor(setup: RouterSetup) {
    this.#setup = setup;
  }

  /** Answers one request, also when it fails. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#setup.state() === 'stopping') throw shuttingDown();
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://apiserver');
    const info = parsePath(pathname);
    if (!isWatch(request, info, searchParams)) checkTimeout(searchParams);
    if (info?.kind === 'path' && this.#setup.openPaths(request, response, info.path, searchParams)) return;
    const user = this.#identify(request);
    if (info === undefined) sendText(response, 404, NOT_FOUND_TEXT);
    else if (info.kind === 'path') this.#path(request, response, user, info.path, searchParams);
    else await this.#resource(request, response, user, info, searchParams);
  }

  #identify(request: IncomingMessage): User {
    const user = this.#setup.authenticate(request);
    if (user === undefined || user === ANONYMOUS) throw unauthorized();
    return impersonated(user, request.headersDistinct, this.#setup.authorize);
  }

  #allow(attributes: Attributes): void {
    const { allowed, reason } = this.#setup.authorize(attributes);
    if (!allowed) throw refusal(attributes, reason);
  }

  #path(
    request: IncomingMessage,
    response: ServerResponse,
    user: User,
    path: string,
    query: URLSearchParams,
  ): void {
    const verb = (request.method ?? 'GET').toLowerCase();
    const nothing = {
      group: '',
      version: '',
      resource: '',
      subresource: undefined,
      namespace: undefined,
      name: undefined,
    };
    this.#allow({ user, verb, path, ...nothing });
    if (verb === 'get' && this.#setup.paths(request, response, path, query)) return;
    sendText(response, 404, NOT_FOUND_TEXT);
  }

  async #resource(
    request: IncomingMessage,
    response: ServerResponse,
    user: User,
    info: ResourcePath,
    query: URLSearchParams,
  ): Promise<void> {
    const { group, version, plural, namespace, name, subresource } = info;
    const verb = verbOf(request.method ?? '', name, isTrue(query.get('watch')));
    if (verb === undefined)
      throw name === undefined ? badRequest('name must be provided') : methodNotAllowed();
    const userAgent = request.headers['user-agent'] ?? '';
    const what = { path: undefined, group, version, resource: plural, subresource, namespace };
    const allow = (one: string): void =>
      this.#allow({ user, verb: one, ...what, name: name ?? nameSelected(query) });
    allow(verb);
    const review = findReview(group, version, plural);
    if (review !== undefined && verb === 'create') {
      const accept = negotiate(acceptOf(request), { verb, name, about: 'review' });
      const body = await readBody(request);
      const now = timestamp(this.#setup.backend.now());
      const question = { verb, query, userAgent, user, namespace, accept, body, now, warnings: [] };
      return this.#answerReview(review, question, response);
    }
    if (review !== undefined) throw name === undefined ? methodNotAllowed() : noSuchSubresource();
    const place = this.#placeOf(info, verb);
    if (place === undefined) {
      sendText(response, 404, NOT_FOUND_TEXT);
      return;
    }
    const about = place.resource.custom ? 'custom' : 'built-in';
    const accept = negotiate(acceptOf(request), { verb, name, about });
    const body = await readBody(request);
    const wanted = { verb, ...place, query, accept, body, user, userAgent, allow, warnings: [] };
    await dispatch(this.#setup.backend, this.#setup.watches, wanted, response);
  }

  #answerReview(review: ReviewKind, question: Question, response: ServerResponse): void {
    let body: object;
    try {
      body = handleReview(review, this.#setup.reviewer, question);
    } finally {
      // Refusals carry warnings, too.
      setWarnings(response, question.warnings);
    }
    send(response, { code: 201, body }, question.accept.format);
  }

  /** The resource and namespace of a path; undefined when the path does not fit the resource's scope. */
  #placeOf(info: ResourcePath, verb: string): Place | undefined {
    const { group, version, plural, namespace, name, subresource } = info;
    const resource = this.#setup.backend.registry.find(group, version, plural);
    if (resource === undefined) return undefined;
    const place = { resource, namespace, name, subresource };
    if (resource.namespaced) {
      const needsNamespace = name !== undefined || verb === 'create';
      return namespace === undefined && needsNamespace ? undefined : place;
    }
    // The path of a namespace looks like that of an object inside it.
    if (group === '' && plural === NAMESPACES) return { ...place, namespace: undefined };
    return namespace === undefined ? place : undefined;
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const known = error instanceof ApiError ? error : this.#unexpected(request, error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status } = known;
    const retry = status.details?.retryAfterSeconds;
    const headers: Record<string, string> = retry === undefined ? {} : { 'Retry-After': String(retry) };
    // Read and drop the rest of an unused body: if it were cut off, the client would not see the answer.
    request.resume();
    const format = plainFormat(acceptOf(request)) ?? 'json';
    send(response, { code: status.code, body: status, headers }, format);
  }

  #unexpected(request: IncomingMessage, error: unknown): ApiError {
    if (request.destroyed && !request.complete) return badRequest('the request was cut off');
    this.#setup.log.error(
      { err: error, method: request.method, path: pathOf(request.url ?? '') },
      'request failed',
    );
    return internalError(error instanceof Error ? error.message : String(error));
  }
}
