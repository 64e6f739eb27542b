import { apiVersionOf, type Resource } from './resource.ts';

/** The resources that are served now. Custom resources come and go with their definitions. */
export class Registry {
  readonly #resources = new Map<string, Resource>();
  readonly #listeners = new Set<() => void>();
  /** Grows with every change; discovery and OpenAPI documents are cached by it. */
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

  /** Finds a resource by the apiVersion and kind of an object or an owner reference. */
  findKind(apiVersion: string, kind: string): Resource | undefined {
    return this.all().find((resource) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
  }

  /** One resource per bucket (any of its versions), for walking over all objects. */
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

  /** Whether built-in kinds are served at this group and version. */
  hasBuiltIns(group: string, version: string): boolean {
    const isThere = (one: Resource): boolean => one.group === group && one.version === version;
    return this.all().some((resource) => isThere(resource) && !resource.custom);
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
