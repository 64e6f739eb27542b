import { apiVersionOf, type Resource } from './resource.ts';

/** Which resources are served now. Custom ones come and go with their definitions. */
export class Registry {
  readonly #resources = new Map<string, Resource>();
  readonly #listeners = new Set<() => void>();
  /** Grows with every change: what is derived from the registry (discovery, OpenAPI) is cached by it. */
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }

  add(resources: readonly Resource[]): void {
    for (const resource of resources) this.#resources.set(this.#key(resource), resource);
    this.#changed();
  }

  remove(resources: readonly Resource[]): void {
    for (const resource of resources) this.#resources.delete(this.#key(resource));
    this.#changed();
  }

  find(group: string, version: string, plural: string): Resource | undefined {
    return this.#resources.get(this.#key({ group, version, plural }));
  }

  /** By what an object, or an owner reference, says of itself. */
  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.all().find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
  }

  /** One resource per bucket (any of its versions): what a walk over all objects needs. */
  buckets(): Resource[] {
    const byBucket = new Map<string, Resource>();
    for (const resource of this.#resources.values()) {
      if (!byBucket.has(resource.bucket)) byBucket.set(resource.bucket, resource);
    }
    return [...byBucket.values()];
  }

  ofBucket(bucket: string): Resource | undefined {
    return this.all().find((resource) => resource.bucket === bucket);
  }

  all(): Resource[] {
    return [...this.#resources.values()];
  }

  hasGroupVersion(group: string, version: string): boolean {
    return this.all().some((resource) => resource.group === group && resource.version === version);
  }

  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  #key({ group, version, plural }: { group: string; version: string; plural: string }): string {
    return `${group}/${version}/${plural}`;
  }

  #changed(): void {
    this.#generation++;
    for (const listener of this.#listeners) listener();
  }
}
