import { randomInt } from 'node:crypto';
import { OWN_FOR_OTHERS } from '../../api/ownership.ts';
import { pushAll } from '../../base/push-all.ts';
import { BUCKETS } from '../auth/rbac/policy.ts';
import { RBAC_GROUP } from '../auth/rbac/rules.ts';
import type { TokenUser } from '../auth/types.ts';
import { NAMESPACES } from '../core-kinds/cluster.ts';
import { CRD_BUCKET } from '../core-kinds/crds.ts';
import { answerTo } from '../handlers/answer.ts';
import { ownedKind } from '../handlers/check-owner.ts';
import type { Backend, ResourceRequest } from '../handlers/context.ts';
import { type DeleteOptions, deleteOptions } from '../handlers/delete.ts';
import { presentList } from '../handlers/present.ts';
import { listPage } from '../handlers/read.ts';
import type { ReviewKind } from '../handlers/review-kinds.ts';
import type { Question } from '../handlers/reviews.ts';
import { inTurns } from '../handlers/turns.ts';
import type { Format } from '../http/negotiate.ts';
import type { Answer } from '../http/respond.ts';
import { keyOf, resourceName } from '../registry/resource.ts';
import { ApiError, notFound } from '../status-errors.ts';
import type { KubeObject } from '../types.ts';
import { isLargeBody, LARGE_BYTES } from './large.ts';
import type { EncodeJob, Entry, ListJob, Outcome, Result, Write, WriteJob } from './messages.ts';
import { WorkerThread } from './worker.ts';

/** How often a write is done again when another one was faster, before it is done here and at once. */
const ATTEMPTS = 4;

/**
 * Has requests that take long carried out by another thread, so that this one answers others meanwhile. That thread reads what it is
 * given of the store, and its write is done here, if all that it has read is still so; else it starts again.
 */
export class LongWork {
  readonly #backend: Backend;
  readonly #worker: WorkerThread;

  constructor(backend: Backend, tokens: readonly TokenUser[]) {
    this.#backend = backend;
    this.#worker = new WorkerThread({ tokens });
  }

  /** The answer to a request that writes one object. Throws ApiErrors, and an error when the thread fails. */
  async answer(request: ResourceRequest): Promise<Answer> {
    const read = new Map<string, Pick<Entry, 'bucket' | 'key'>>();
    const add = (bucket: string, key: string): unknown => read.set(`${bucket} ${key}`, { bucket, key });
    const { resource, namespace, name } = request;
    if (name !== undefined) add(resource.bucket, keyOf(resource, namespace, name));
    if (namespace !== undefined) add(NAMESPACES, namespace);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const job = this.#writeJob(request, this.#entries([...read.values()]));
      const outcome = await this.#worker.do(job);
      for (const { bucket, key } of outcome.reads) add(bucket, key);
      if (this.#isCurrent(job, outcome)) return this.#settled(request, job, outcome);
    }
    return answerTo(this.#backend, request);
  }

  /** The options of a deletion. Throws ApiErrors, and an error when the thread fails. */
  async deleteOptions({ body, query }: ResourceRequest): Promise<DeleteOptions> {
    if (!isLargeBody(body)) return deleteOptions({ body, query });
    const { result } = await this.#worker.do({
      kind: 'options',
      asked: { ...body, query: query.toString() },
    });
    if (result.kind !== 'options') throw errorOf(result);
    return result.options;
  }

  /** The answer to a list. Throws ApiErrors, and an error when the thread fails. */
  async list(request: ResourceRequest): Promise<Answer> {
    const { resource, accept, query } = request;
    const { items, metadata } = listPage(this.#backend, request);
    const now = this.#backend.now();
    const isPlain = accept.as === undefined && accept.format === 'json';
    const length = items.reduce((sum, { json }) => sum + json.length, 0);
    if (isPlain || length < LARGE_BYTES) {
      // The first conversion of each object takes time and is cached: it is done in turns here, and not all at once below.
      await inTurns(items, ({ object }) => resource.fromStored(object));
      return { code: 200, body: presentList(request, items, metadata, now) };
    }
    const { bucket } = resource;
    const body = await this.#bytes({
      kind: 'list',
      asked: { accept, query: query.toString() },
      ...this.#servedAs(request),
      items: items.map(({ key, revision, json }) => ({ bucket, key, revision, json })),
      metadata,
      now,
    });
    return { code: 200, body };
  }

  /** The answer to a review. Throws as `answer` does. */
  async review({ group, version, plural }: ReviewKind, question: Question): Promise<Answer> {
    const { query, body, warnings, ...asked } = question;
    const outcome = await this.#worker.do({
      kind: 'review',
      review: { group, version, plural },
      asked: { ...asked, ...body, query: query.toString(), warnings },
      entries: this.#rights(),
    });
    replace(warnings, outcome.warnings);
    return answered(outcome.result);
  }

  /** Writes an answer in another form than JSON. @param json the answer */
  async encoded(json: string, format: Format): Promise<Buffer> {
    return await this.#bytes({ kind: 'encode', json, format });
  }

  async close(): Promise<void> {
    await this.#worker.close();
  }

  async #bytes(job: EncodeJob | ListJob): Promise<Buffer> {
    const { result } = await this.#worker.do(job);
    if (result.kind !== 'bytes') throw errorOf(result);
    return Buffer.from(result.bytes.buffer, result.bytes.byteOffset, result.bytes.byteLength);
  }

  #writeJob(request: ResourceRequest, entries: readonly Entry[]): WriteJob {
    const { resource, namespace, name, verb, subresource, accept, user, userAgent } = request;
    const asked = { verb, namespace, name, subresource, accept, user, userAgent };
    const { query, body, warnings } = request;
    return {
      kind: 'write',
      asked: { ...asked, ...body, query: query.toString(), warnings },
      ...this.#servedAs(request),
      creation: verb === 'patch' ? refusalOf(() => request.allow('create')) : undefined,
      ownsForOthers: ownedKind(resource) !== undefined && request.may(OWN_FOR_OTHERS),
      entries: resource.group === RBAC_GROUP ? [...entries, ...this.#rights()] : entries,
      // No client can guess it and have it in its object.
      pendingRevision: 1e15 + randomInt(2 ** 47),
      now: this.#backend.now(),
    };
  }

  #servedAs({ resource }: ResourceRequest): Pick<WriteJob, 'resource' | 'definition'> {
    const { group, version, plural } = resource;
    const definition = resource.custom ? this.#definition(`${plural}.${group}`) : undefined;
    return { resource: { group, version, plural }, definition };
  }

  #definition(name: string): WriteJob['definition'] {
    const stored = this.#backend.store.get(CRD_BUCKET, name);
    if (stored === undefined) throw notFound({ group: '', name: CRD_BUCKET }, name);
    return { name, revision: stored.revision, json: stored.json };
  }

  #entries(keys: readonly Pick<Entry, 'bucket' | 'key'>[]): Entry[] {
    return keys.flatMap(({ bucket, key }) => {
      const stored = this.#backend.store.get(bucket, key);
      return stored === undefined ? [] : [{ bucket, key, revision: stored.revision, json: stored.json }];
    });
  }

  /** All roles and bindings. */
  #rights(): Entry[] {
    return Object.values(BUCKETS).flatMap((bucket) =>
      this.#backend.store
        .list(bucket, '')
        .map(({ key, revision, json }) => ({ bucket, key, revision, json })),
    );
  }

  /** Whether the job has read what is in the store now. */
  #isCurrent({ entries }: WriteJob, { reads }: Outcome): boolean {
    const given = new Map(entries.map(({ bucket, key, revision }) => [`${bucket} ${key}`, revision]));
    return reads.every(
      ({ bucket, key }) => this.#backend.store.get(bucket, key)?.revision === given.get(`${bucket} ${key}`),
    );
  }

  /** Does the job's write. */
  #settled(request: ResourceRequest, { pendingRevision }: WriteJob, outcome: Outcome): Answer {
    replace(request.warnings, outcome.warnings);
    const answer = answered(outcome.result);
    if (outcome.write === undefined) return answer;
    if (this.#backend.registry.ofBucket(outcome.write.bucket) === undefined) {
      throw notFound(resourceName(request.resource), request.name ?? '');
    }
    const revision = this.#stored(outcome.write);
    const field = (value: number): string => `"resourceVersion":"${value}"`;
    return { ...answer, body: answer.body.replaceAll(field(pendingRevision), field(revision)) };
  }

  #stored({ type, bucket, key, json }: Write): number {
    const { store } = this.#backend;
    const stored =
      type === 'put' ? store.put(bucket, key, JSON.parse(json) as KubeObject) : store.remove(bucket, key);
    return stored.revision;
  }
}

function replace(warnings: string[], all: readonly string[]): void {
  warnings.length = 0;
  pushAll(warnings, all);
}

function answered(result: Result): Answer & { body: string } {
  if (result.kind !== 'answer') throw errorOf(result);
  return { code: result.code, body: result.json };
}

function errorOf(result: Result): Error {
  if (result.kind === 'refusal') return new ApiError({ message: '', ...result.refusal }, result.json);
  const error = new Error('long work failed');
  if (result.kind === 'failure') {
    error.message = result.stack.split('\n', 1)[0] ?? '';
    error.stack = result.stack;
  }
  return error;
}

function refusalOf(check: () => void): WriteJob['creation'] {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error.status;
    throw error;
  }
}
