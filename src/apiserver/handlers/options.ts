import { own } from '../../base/own.ts';
import { isTrue } from '../http/request-info.ts';
import { badRequest, invalidOptions } from '../status-errors.ts';
import type { FieldError } from '../types.ts';
import type { ResourceRequest } from './context.ts';

/** The query parameters that all writes share. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: 'Ignore' | 'Warn' | 'Strict';
  readonly force: boolean;
}

const OPTION_KINDS: Readonly<Record<string, string>> = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
};

const VALIDATIONS = ['Ignore', 'Strict', 'Warn'] as const;
const MAX_MANAGER_LENGTH = 128;

/** `All` is the only valid kind of dry run. */
export function dryRunErrors(dryRun: readonly string[]): FieldError[] {
  if (dryRun.every((value) => value === 'All')) return [];
  return [{ type: 'NotSupported', field: 'dryRun', value: dryRun, detail: 'supported values: "All"' }];
}

function managerErrors(manager: string): FieldError[] {
  if (manager.length <= MAX_MANAGER_LENGTH) return [];
  const detail = `may not be more than ${MAX_MANAGER_LENGTH} bytes`;
  return [{ type: 'TooLong', field: 'fieldManager', detail }];
}

/** The field manager of a write: as the client names it, else the client's program name. */
function managerOf(query: URLSearchParams, userAgent: string): string {
  const program = (userAgent.split('/')[0] ?? '').slice(0, MAX_MANAGER_LENGTH);
  return query.get('fieldManager') || program || 'unknown';
}

/** Reads and checks the options of a write; throws 422 for an invalid one. */
export function writeOptions(
  request: Pick<ResourceRequest, 'query' | 'verb' | 'userAgent'>,
  isApply = false,
): WriteOptions {
  const { query, verb, userAgent } = request;
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  const manager = query.get('fieldManager') ?? '';
  const validation = query.get('fieldValidation') ?? '';
  const known = VALIDATIONS.find((value) => value === validation);
  const errors = [...dryRunErrors(dryRun), ...managerErrors(manager)];
  if (known === undefined && validation !== '') {
    const detail = 'supported values: "", "Ignore", "Strict", "Warn"';
    errors.push({ type: 'NotSupported', field: 'fieldValidation', value: validation, detail });
  }
  if (isApply && manager === '') {
    errors.push({ type: 'Required', field: 'fieldManager', detail: 'is required for apply patch' });
  }
  if (!isApply && verb === 'patch' && query.get('force')) {
    errors.push({ type: 'Forbidden', field: 'force', detail: 'may not be specified for non-apply patch' });
  }
  if (errors.length > 0) throw invalidOptions(own(OPTION_KINDS, verb) ?? 'CreateOptions', errors);
  return {
    dryRun: dryRun.length > 0,
    fieldManager: managerOf(query, userAgent),
    fieldValidation: known ?? 'Warn',
    force: isTrue(query.get('force')),
  };
}

/**
 * The resourceVersion of a query; undefined when it is absent, '' or 0, which all mean "any". Throws 400 when it is
 * not a number.
 */
export function parseRevision(text: string | null): number | undefined {
  if (text === null || text === '' || text === '0') return undefined;
  if (!/^\d{1,16}$/.test(text)) {
    const quoted = JSON.stringify(text);
    throw badRequest(
      `invalid resource version: resourceVersion: Invalid value: ${quoted}: strconv.ParseUint: parsing ${quoted}: invalid syntax`,
    );
  }
  return Number(text);
}

interface ListRevision {
  revision: number | undefined;
  match: 'Exact' | 'NotOlderThan' | undefined;
}

/** Reads resourceVersion and resourceVersionMatch of a list or watch and checks that they fit together. */
export function listRevision(query: URLSearchParams, watch: boolean): ListRevision {
  const match = query.get('resourceVersionMatch') ?? '';
  const version = query.get('resourceVersion') ?? '';
  const initial = query.get('sendInitialEvents');
  const errors = watch ? watchErrors(match, initial, query) : listErrors(match, version, query);
  if (!watch && initial !== null) {
    const detail = 'sendInitialEvents is forbidden for list';
    errors.push({ type: 'Forbidden', field: 'sendInitialEvents', detail });
  }
  if (errors.length > 0) throw invalidOptions('ListOptions', errors);
  return {
    revision: parseRevision(version),
    match: match === 'Exact' || match === 'NotOlderThan' ? match : undefined,
  };
}

const MATCH = 'resourceVersionMatch';

function forbiddenMatch(detail: string): FieldError {
  return { type: 'Forbidden', field: MATCH, detail };
}

function unsupportedMatch(value: string, supported: readonly string[]): FieldError {
  const detail = `supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`;
  return { type: 'NotSupported', field: MATCH, value, detail };
}

function watchErrors(match: string, initial: string | null, query: URLSearchParams): FieldError[] {
  if (query.get('continue'))
    return [forbiddenMatch('resourceVersionMatch is forbidden when continue is provided')];
  if (initial === null) {
    if (match === '') return [];
    return [
      forbiddenMatch('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
    ];
  }
  if (match === 'NotOlderThan') return [];
  const errors = [forbiddenMatch('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan')];
  return match === '' ? errors : [...errors, unsupportedMatch(match, ['NotOlderThan'])];
}

function listErrors(match: string, version: string, query: URLSearchParams): FieldError[] {
  if (match === '') return [];
  const forbidden = forbiddenMatch;
  if (version === '')
    return [forbidden('resourceVersionMatch is forbidden unless resourceVersion is provided')];
  if (query.get('continue'))
    return [forbidden('resourceVersionMatch is forbidden when continue is provided')];
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    return [unsupportedMatch(match, ['Exact', 'NotOlderThan', ''])];
  }
  if (match === 'NotOlderThan' || version !== '0') return [];
  return [forbidden('resourceVersionMatch "exact" is forbidden for resourceVersion "0"')];
}
