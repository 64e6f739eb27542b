import type { Column, Resource } from './registry/resource.ts';
import { badRequest } from './status-errors.ts';
import type { KubeObject } from './types.ts';

/** The part of the object that each row includes. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

interface Table {
  kind: 'Table';
  apiVersion: string;
  metadata: object;
  columnDefinitions: Omit<Column, 'cell'>[] | null;
  rows: { cells: unknown[]; object: object | null }[];
}

/** Throws 400 for a part that does not exist. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') || 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  const detail = "must be 'Metadata', 'Object', 'None', or empty";
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(value)}: ${detail}`,
  );
}

/** The object reduced to its metadata, for clients that only keep an index. */
export function partialMetadata(object: KubeObject, apiVersion: string): object {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}

function rowObject(object: KubeObject, include: IncludeObject, apiVersion: string): object | null {
  if (include === 'None') return null;
  return include === 'Object' ? object : partialMetadata(object, apiVersion);
}

function definitions(columns: readonly Column[]): Omit<Column, 'cell'>[] {
  return columns.map(({ name, type, format, description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
}

/** Options for converting objects to rows. */
export interface TableForm {
  readonly resource: Resource;
  readonly include: IncludeObject;
  readonly apiVersion: string;
  readonly now: number;
  /** A watch sends the columns only with its first event. */
  readonly withColumns: boolean;
}

/**
 * Objects (in the form of the resource's version) as a `meta.k8s.io` Table. Cells are computed from the stored
 * form's fields, so events look alike through both of their groups.
 */
export function tableOf(objects: readonly KubeObject[], form: TableForm, metadata: object): Table {
  const { resource, include, apiVersion, now, withColumns } = form;
  return {
    kind: 'Table',
    apiVersion,
    metadata,
    columnDefinitions: withColumns ? definitions(resource.columns) : null,
    rows: objects.map((object) => {
      const stored = resource.toStored(object);
      return {
        cells: resource.columns.map((column) => column.cell(stored, now)),
        object: rowObject(object, include, apiVersion),
      };
    }),
  };
}
