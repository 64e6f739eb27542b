import { randomUUID } from 'node:crypto';
import { OWN_FOR_OTHERS } from '../../api/ownership.ts';
import { tokenLookup } from '../auth/authenticate.ts';
import { RbacPolicy } from '../auth/rbac/policy.ts';
import type { RequestBody } from '../codec/decode.ts';
import { builtInKinds } from '../core-kinds/built-in.ts';
import { answerTo } from '../handlers/answer.ts';
import type { ResourceRequest } from '../handlers/context.ts';
import { deleteOptions } from '../handlers/delete.ts';
import { presentList } from '../handlers/present.ts';
import { findReview } from '../handlers/review-kinds.ts';
import { handleReview } from '../handlers/reviews.ts';
import { written } from '../http/respond.ts';
import { nameSuffix } from '../meta/names.ts';
import { customResources } from '../registry/custom-resource.ts';
import type { CustomResourceDefinition } from '../registry/definition.ts';
import { Registry } from '../registry/registry.ts';
import type { Resource } from '../registry/resource.ts';
import { ApiError } from '../status-errors.ts';
import { LARGE_BYTES } from './large.ts';
import type {
  Job,
  ListJob,
  OptionsJob,
  Outcome,
  Refusal,
  Result,
  ReviewJob,
  WorkerSetup,
  WriteJob,
} from './messages.ts';
import { ScratchStore, storedOf } from './scratch-store.ts';

/** Carries out jobs, one after the other, by the handlers of the server itself. */
export class Carrier {
  readonly #store = new ScratchStore();
  readonly #policy = new RbacPolicy(this.#store);
  readonly #registry = new Registry();
  readonly #lookUpToken: ReturnType<typeof tokenLookup>;
  /** The resources of definitions, by name: to make them takes long. */
  readonly #custom = new Map<string, { revision: number; resources: readonly Resource[] }>();

  constructor({ tokens }: WorkerSetup) {
    this.#lookUpToken = tokenLookup(tokens);
    this.#registry.add(builtInKinds(this.#policy));
  }

  /** Throws nothing: what goes wrong is the outcome. */
  carryOut(job: Job): Outcome {
    const warnings = 'asked' in job && 'warnings' in job.asked ? [...job.asked.warnings] : [];
    const result = this.#resultOf(job, warnings);
    const { reads, write } = this.#store;
    this.#store.begin([], 0);
    return { result, warnings, reads, write: result.kind === 'answer' ? write : undefined };
  }

  #resultOf(job: Job, warnings: string[]): Result {
    try {
      switch (job.kind) {
        case 'write':
          return this.#write(job, warnings);
        case 'review':
          return this.#review(job, warnings);
        case 'options': {
          const query = new URLSearchParams(job.asked.query);
          return { kind: 'options', options: deleteOptions({ query, body: bodyOf(job.asked) }) };
        }
        case 'list':
          return this.#list(job);
        case 'encode':
          return { kind: 'bytes', bytes: written(job.json, job.format) };
      }
    } catch (error) {
      if (error instanceof ApiError) return refused(error.status);
      return {
        kind: 'failure',
        stack: error instanceof Error ? (error.stack ?? error.message) : String(error),
      };
    }
  }

  #write(job: WriteJob, warnings: string[]): Result {
    const { asked, creation, entries, pendingRevision, now } = job;
    this.#store.begin(entries, pendingRevision);
    const request: ResourceRequest = {
      ...asked,
      resource: this.#resourceOf(job),
      query: new URLSearchParams(asked.query),
      selectors: { labels: undefined, fields: [] },
      body: bodyOf(asked),
      allow: () => {
        if (creation !== undefined) throw new ApiError({ message: '', ...creation });
      },
      may: (verb) => verb === OWN_FOR_OTHERS && job.ownsForOthers,
      warnings,
    };
    const backend = {
      store: this.#store,
      registry: this.#registry,
      now: () => now,
      newUid: randomUUID,
      nameSuffix,
    };
    const { code, body } = answerTo(backend, request);
    return { kind: 'answer', code, json: typeof body === 'string' ? body : JSON.stringify(body) };
  }

  #review({ asked, entries, review }: ReviewJob, warnings: string[]): Result {
    this.#store.begin(entries, 0);
    const kind = findReview(review.group, review.version, review.plural);
    if (kind === undefined) throw new Error(`there is no review ${review.plural}`);
    const question = { ...asked, query: new URLSearchParams(asked.query), body: bodyOf(asked), warnings };
    const reviewer = { policy: this.#policy, lookUpToken: this.#lookUpToken };
    return { kind: 'answer', code: 201, json: JSON.stringify(handleReview(kind, reviewer, question)) };
  }

  #list(job: ListJob): Result {
    const { asked, items, metadata, now } = job;
    const query = new URLSearchParams(asked.query);
    const list = presentList(
      { ...asked, query, resource: this.#resourceOf(job) },
      items.map(storedOf),
      metadata,
      now,
    );
    return { kind: 'bytes', bytes: written(list, asked.accept.format) };
  }

  #resourceOf({ resource: { group, version, plural }, definition }: WriteJob | ListJob): Resource {
    const resource =
      definition === undefined
        ? this.#registry.find(group, version, plural)
        : this.#resourcesOf(definition).find((one) => one.version === version);
    if (resource === undefined) throw new Error(`${plural}.${version}.${group} is not served`);
    return resource;
  }

  #resourcesOf({ name, revision, json }: NonNullable<WriteJob['definition']>): readonly Resource[] {
    const known = this.#custom.get(name);
    if (known?.revision === revision) return known.resources;
    const resources = customResources(JSON.parse(json) as CustomResourceDefinition);
    this.#custom.set(name, { revision, resources });
    return resources;
  }
}

/** A refusal that names a hundred thousand fields takes long to write. */
function refused(status: Refusal): Result {
  const json = JSON.stringify(status);
  if (json.length < LARGE_BYTES) return { kind: 'refusal', refusal: status };
  const { details: _, ...refusal } = status;
  return { kind: 'refusal', refusal: { ...refusal, message: '' }, json };
}

function bodyOf({ mediaType, bytes }: OptionsJob['asked']): RequestBody {
  return { mediaType, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
}
