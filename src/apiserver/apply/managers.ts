/** `metadata.managedFields` as a table of managers, and back. */

import type { ManagedFieldsEntry, Subresource } from '../types.ts';
import { fieldElement } from './elements.ts';
import {
  EMPTY,
  type FieldSet,
  fromFieldsV1,
  intersection,
  isEmpty,
  setOf,
  toFieldsV1,
  union,
} from './fieldset.ts';

/** Field manager of the writes that the server's own controllers do in place of kube's. */
export const CONTROLLER_MANAGER = 'kube-controller-manager';

/** The fields that one manager owns by one operation through one endpoint. */
export interface Manager {
  readonly name: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string | undefined;
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** Managers by identity; never mutated. */
export type Managers = ReadonlyMap<string, Manager>;

/**
 * The identity of a manager. An applier keeps its identity when it moves to another version of the kind; an updater has
 * one entry per version.
 */
export function identityOf(manager: Omit<Manager, 'fields' | 'time'>): string {
  const version = manager.operation === 'Apply' ? '' : manager.apiVersion;
  return JSON.stringify([manager.name, manager.operation, version, manager.subresource ?? '']);
}

/** A manager that owns nothing yet. */
export function newManager(
  name: string,
  operation: 'Apply' | 'Update',
  apiVersion: string,
  subresource: Subresource,
): Manager {
  return {
    name: name === '' ? 'unknown' : name,
    operation,
    apiVersion,
    subresource,
    time: undefined,
    fields: EMPTY,
  };
}

/** Reads managedFields; undefined if an entry is invalid, for example because a client wrote it by hand. */
export function decodeManagers(entries: readonly ManagedFieldsEntry[] | undefined): Managers | undefined {
  const managers = new Map<string, Manager>();
  for (const entry of entries ?? []) {
    const manager = decodeEntry(entry);
    if (manager === undefined) return undefined;
    managers.set(identityOf(manager), manager);
  }
  return managers;
}

function decodeEntry(entry: ManagedFieldsEntry): Manager | undefined {
  const { operation, apiVersion, fieldsType } = entry;
  if (operation !== 'Apply' && operation !== 'Update') return undefined;
  if (apiVersion === undefined || apiVersion === '' || fieldsType !== 'FieldsV1') return undefined;
  try {
    return {
      name: entry.manager ?? '',
      operation,
      apiVersion,
      subresource: entry.subresource === '' ? undefined : entry.subresource,
      time: entry.time,
      fields: fromFieldsV1(entry.fieldsV1 ?? {}),
    };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Writes managedFields in kube's order: appliers first, then by time and name. Undefined when no field has an owner. */
export function encodeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  const sorted = [...managers.values()].filter((manager) => !isEmpty(manager.fields)).toSorted(compare);
  return sorted.length === 0 ? undefined : sorted.map(encodeEntry);
}

function encodeEntry(manager: Manager): ManagedFieldsEntry {
  return {
    ...(manager.name === '' ? {} : { manager: manager.name }),
    operation: manager.operation,
    apiVersion: manager.apiVersion,
    ...(manager.time === undefined ? {} : { time: manager.time }),
    fieldsType: 'FieldsV1',
    fieldsV1: toFieldsV1(manager.fields),
    ...(manager.subresource === undefined ? {} : { subresource: manager.subresource }),
  };
}

function sortKey(manager: Manager): readonly string[] {
  const { operation, time, name, apiVersion, subresource } = manager;
  return [operation, time ?? '', name, apiVersion, subresource ?? ''];
}

function compare(a: Manager, b: Manager): number {
  const keysA = sortKey(a);
  const keysB = sortKey(b);
  for (const [index, keyA] of keysA.entries()) {
    const keyB = keysB[index] ?? '';
    if (keyA !== keyB) return keyA < keyB ? -1 : 1;
  }
  return 0;
}

const MAX_UPDATERS = 10;
const BUCKET = 'ancient-changes';

/**
 * Limits the number of updaters to ten: the oldest ones of each version are merged into one named `ancient-changes`.
 * Otherwise an object that many clients touch would grow without bound.
 */
export function capUpdaters(managers: Managers): Managers {
  const updaters = [...managers].filter(([, manager]) => manager.operation === 'Update').toSorted(byAge);
  let excess = updaters.length - MAX_UPDATERS;
  const result = new Map(managers);
  const firstOf = new Map<string, string>();
  for (const [identity, manager] of updaters) {
    if (excess <= 0) break;
    const first = firstOf.get(manager.apiVersion);
    if (first === undefined) {
      firstOf.set(manager.apiVersion, identity);
      continue;
    }
    mergeIntoBucket(result, first, identity, manager);
    excess -= 1;
  }
  return result;
}

function byAge([idA, a]: readonly [string, Manager], [idB, b]: readonly [string, Manager]): number {
  const [ageA, ageB] = [`${a.time ?? ''} ${idA}`, `${b.time ?? ''} ${idB}`];
  if (ageA === ageB) return 0;
  return ageA < ageB ? -1 : 1;
}

function mergeIntoBucket(
  managers: Map<string, Manager>,
  first: string,
  identity: string,
  manager: Manager,
): void {
  const bucket = newManager(BUCKET, 'Update', manager.apiVersion, undefined);
  const bucketId = identityOf(bucket);
  const base = managers.get(bucketId) ?? managers.get(first) ?? bucket;
  if (!managers.has(bucketId)) managers.delete(first);
  if (identity !== bucketId) managers.delete(identity);
  managers.set(bucketId, {
    ...bucket,
    time: manager.time,
    fields: union(base.fields, manager.fields),
  });
}

/** Who owns the replicas of an object, as the managedFields of its Scale. @param path of the replicas in the object */
export function scaleManagers(
  entries: readonly ManagedFieldsEntry[] | undefined,
  path: readonly string[],
): ManagedFieldsEntry[] | undefined {
  const replicas = setOf(path.map(fieldElement));
  const ofScale = setOf(['spec', 'replicas'].map(fieldElement));
  const owners = [...(decodeManagers(entries) ?? [])]
    .filter(([, { fields }]) => !isEmpty(intersection(fields, replicas)))
    .map(
      ([identity, owner]) => [identity, { ...owner, apiVersion: 'autoscaling/v1', fields: ofScale }] as const,
    );
  return encodeManagers(new Map(owners));
}
