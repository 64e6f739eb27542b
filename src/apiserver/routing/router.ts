import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { SUBRESOURCES_GROUP, SUBRESOURCES_VERSION } from '../../api/subresources.ts';
import { pathOf } from '../../base/shown-url.ts';
import { isLargeBody } from '../aside/large.ts';
import { ANONYMOUS, type Authenticate } from '../auth/authenticate.ts';
import { refusal } from '../auth/authorize.ts';
import { impersonated } from '../auth/impersonate.ts';
import type { Attributes, Authorize, User } from '../auth/types.ts';
import { type Extension, passOn } from '../extension/pass-on.ts';
import { timestamp } from '../handlers/context.ts';
import type { ReviewKind } from '../handlers/review-kinds.ts';
import { handleReview, type Question, type Reviewer } from '../handlers/reviews.ts';
import { readBody } from '../http/body.ts';
import { negotiate, plainFormat } from '../http/negotiate.ts';
import { acceptOf, type PathRequest, type ResourceRequestInfo, requestInfo } from '../http/request-info.ts';
import { type Answer, sendText, setWarnings } from '../http/respond.ts';
import { checkTimeout } from '../http/timeout.ts';
import { ApiError, badRequest, internalError, shuttingDown, unauthorized } from '../status-errors.ts';
import { type Dispatcher, dispatch, sendIn } from './dispatch.ts';
import { attributesOf, placeOf, reviewAt } from './place.ts';

/** Answers paths that name no resource; false for an unknown path. */
export type PathHandler = (request: IncomingMessage, response: ServerResponse, asked: PathRequest) => boolean;

export type ServerState = 'starting' | 'ready' | 'stopping';

export interface RouterSetup extends Dispatcher {
  state(): ServerState;
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
  readonly reviewer: Reviewer;
  /** Paths that need no authentication: probes and the version. */
  readonly openPaths: PathHandler;
  readonly paths: PathHandler;
  /** Answers for the group `subresources.coppice.dev`; undefined where nobody does. */
  readonly extension?: Extension | undefined;
  readonly log: Logger;
}

function isOfExtension({ group, version }: ResourceRequestInfo): boolean {
  return group === SUBRESOURCES_GROUP && version === SUBRESOURCES_VERSION;
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
      await this.#fail(request, response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#setup.state() === 'stopping') throw shuttingDown();
    const info = requestInfo(request.method ?? '', request.url ?? '/');
    if (info.verb !== 'watch') checkTimeout(info.query);
    if (info.kind === 'path' && this.#setup.openPaths(request, response, info)) return;
    const user = this.#identify(request);
    if (info.kind === 'path') this.#path(request, response, user, info);
    else await this.#resource(request, response, user, info);
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

  #path(request: IncomingMessage, response: ServerResponse, user: User, info: PathRequest): void {
    this.#allow(attributesOf(user, info));
    if (info.verb === 'get' && this.#setup.paths(request, response, info)) return;
    sendText(response, 404, NOT_FOUND_TEXT);
  }

  async #resource(
    request: IncomingMessage,
    response: ServerResponse,
    user: User,
    info: ResourceRequestInfo,
  ): Promise<void> {
    const asked = attributesOf(user, info);
    const allow = (verb: string): void => this.#allow({ ...asked, verb });
    allow(info.verb);
    const ofKind = { ...asked, name: undefined, subresource: undefined };
    const may = (verb: string): boolean => this.#setup.authorize({ ...ofKind, verb }).allowed;
    const userAgent = request.headers['user-agent'] ?? '';
    const { verb, query } = info;
    const review = reviewAt(info);
    if (review !== undefined) {
      const accept = negotiate(acceptOf(request), { verb, name: info.name, about: 'review' });
      const body = await readBody(request);
      const now = timestamp(this.#setup.backend.now());
      const { namespace } = info;
      const question = { verb, query, userAgent, user, namespace, accept, body, now, warnings: [] };
      return await this.#answerReview(review, question, response);
    }
    const { extension } = this.#setup;
    if (extension !== undefined && isOfExtension(info))
      return await passOn(extension, request, response, user);
    const { registry } = this.#setup.backend;
    const asFound = placeOf(registry, info);
    if (asFound === undefined) return sendText(response, 404, NOT_FOUND_TEXT);
    const about = asFound.resource.custom ? 'custom' : 'built-in';
    const accept = negotiate(acceptOf(request), { verb, name: info.name, about });
    const body = await readBody(request);
    // While the client sent it, the kind may have gone, or have got another schema.
    const place = placeOf(registry, info);
    if (place === undefined) return sendText(response, 404, NOT_FOUND_TEXT);
    const wanted = { ...place, query, accept, body, user, userAgent, allow, may, warnings: [] };
    await dispatch(this.#setup, wanted, response);
  }

  async #answerReview(review: ReviewKind, question: Question, response: ServerResponse): Promise<void> {
    const { longWork, reviewer } = this.#setup;
    let answer: Answer;
    try {
      answer = isLargeBody(question.body)
        ? await longWork.review(review, question)
        : { code: 201, body: handleReview(review, reviewer, question) };
    } finally {
      // Refusals carry warnings, too.
      setWarnings(response, question.warnings);
    }
    await sendIn(question.accept.format, answer, longWork, response);
  }

  async #fail(request: IncomingMessage, response: ServerResponse, error: unknown): Promise<void> {
    const known = error instanceof ApiError ? error : this.#unexpected(request, error);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, json } = known;
    const retry = status.details?.retryAfterSeconds;
    const headers: Record<string, string> = retry === undefined ? {} : { 'Retry-After': String(retry) };
    // Read and drop the rest of an unused body: if it were cut off, the client would not see the answer.
    request.resume();
    const format = plainFormat(acceptOf(request)) ?? 'json';
    const answer = { code: status.code, body: json ?? status, headers };
    await sendIn(format, answer, this.#setup.longWork, response);
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
