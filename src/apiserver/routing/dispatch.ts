import type { ServerResponse } from 'node:http';
import { isLarge, LARGE_BYTES } from '../aside/large.ts';
import type { LongWork } from '../aside/long-work.ts';
import { answerTo, checkVerb } from '../handlers/answer.ts';
import type { Backend, ResourceRequest } from '../handlers/context.ts';
import { handleDeleteCollection } from '../handlers/delete-collection.ts';
import { type Format, mediaTypeOf } from '../http/negotiate.ts';
import { type Answer, sendBytes, setWarnings, written } from '../http/respond.ts';
import { handleWatch, type WatchSetup } from '../watch/handle-watch.ts';

/** What carries requests out. */
export interface Dispatcher {
  readonly backend: Backend;
  readonly watches: WatchSetup;
  readonly longWork: LongWork;
}

/** Carries out a request for a resource; answers after everything it wrote or read is durable. */
export async function dispatch(
  { backend, watches, longWork }: Dispatcher,
  request: ResourceRequest,
  response: ServerResponse,
): Promise<void> {
  const { deprecation } = request.resource;
  if (deprecation !== undefined) request.warnings.push(deprecation);
  if (request.verb === 'watch') return handleWatch(backend, watches, request, response);
  const answer = await durableAnswer({ backend, longWork }, request, response);
  await sendIn(request.accept.format, answer, longWork, response);
}

/** Sends an answer; a long one is written by the other thread, where that is work. */
export async function sendIn(
  format: Format,
  { code, body, headers }: Answer,
  longWork: LongWork,
  response: ServerResponse,
): Promise<void> {
  const bytes = await bytesOf(body, format, longWork);
  sendBytes(response, code, bytes, { 'Content-Type': mediaTypeOf(format), ...headers });
}

async function bytesOf(body: Answer['body'], format: Format, longWork: LongWork): Promise<Buffer> {
  if (format === 'json' || body instanceof Buffer) return written(body, format);
  const json = typeof body === 'string' ? body : JSON.stringify(body);
  return json.length >= LARGE_BYTES ? await longWork.encoded(json, format) : written(json, format);
}

async function answered(
  { backend, longWork }: Pick<Dispatcher, 'backend' | 'longWork'>,
  request: ResourceRequest,
): Promise<Answer> {
  checkVerb(request);
  if (request.verb === 'list') return await longWork.list(request);
  if (request.verb === 'deletecollection') {
    return await handleDeleteCollection(backend, request, await longWork.deleteOptions(request));
  }
  return isLarge(backend, request) ? await longWork.answer(request) : answerTo(backend, request);
}

/** The answer, once all that it says is on disk. A read that saw a write of somebody else's, which then failed, is done again. */
async function durableAnswer(
  { backend, longWork }: Pick<Dispatcher, 'backend' | 'longWork'>,
  request: ResourceRequest,
  response: ServerResponse,
): Promise<Answer> {
  for (;;) {
    let answer: Answer;
    try {
      answer = await answered({ backend, longWork }, request);
    } finally {
      // Refusals carry warnings, too.
      setWarnings(response, request.warnings);
    }
    try {
      await backend.store.committed();
      return answer;
    } catch (error) {
      if (request.verb !== 'get' && request.verb !== 'list') throw error;
    }
  }
}
