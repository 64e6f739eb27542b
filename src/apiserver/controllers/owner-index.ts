import type { Change, StoredObject } from '../storage/store.ts';

/** Names one object in the whole store. */
export interface ObjectId {
  readonly bucket: string;
  readonly key: string;
}

export function idText({ bucket, key }: ObjectId): string {
  return `${bucket}\n${key}`;
}

export function parseId(text: string): ObjectId {
  const [bucket = '', key = ''] = text.split('\n');
  return { bucket, key };
}

/** Dependents by their owners' uids. */
export class OwnerIndex {
  readonly #dependents = new Map<string, Set<string>>();

  /** Ids, as text, of the objects that name this uid as an owner. */
  dependentsOf(uid: string | undefined): string[] {
    return uid === undefined ? [] : [...(this.#dependents.get(uid) ?? [])];
  }

  add(bucket: string, { key, object }: StoredObject): void {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const dependents = this.#dependents.get(uid) ?? new Set();
      this.#dependents.set(uid, dependents.add(idText({ bucket, key })));
    }
  }

  apply({ bucket, type, current, previous }: Change): void {
    if (previous !== undefined) this.#remove(bucket, previous);
    if (type !== 'DELETED') this.add(bucket, current);
  }

  #remove(bucket: string, { key, object }: StoredObject): void {
    for (const { uid } of object.metadata.ownerReferences ?? []) {
      const dependents = this.#dependents.get(uid);
      dependents?.delete(idText({ bucket, key }));
      if (dependents?.size === 0) this.#dependents.delete(uid);
    }
  }
}
