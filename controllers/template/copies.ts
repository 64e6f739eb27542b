import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import type { Firmware } from '../../src/domain/firmware.ts';
import { hostsToAdd } from '../../src/domain/templates/copies.ts';
import { copyHosts, type RankedHost } from '../daemons/copy-hosts.ts';
import { problemFor } from '../daemons/import-problem.ts';
import { acceptsAppliances } from '../daemons/readiness.ts';
import { directoriesWith, isShared } from '../daemons/shared-directories.ts';
import { type HostView, importId } from '../daemons/view.ts';
import {
  type FileRole,
  filesOf,
  type ImportFile,
  identitiesOf,
  layersOf,
  type TemplateLayers,
} from '../objects/template-files.ts';
import type { CopyFailure } from '../obstacles/templates.ts';
import type { KnownHost } from './known-layers.ts';

/** Which hosts have a template. */
export interface Copies {
  /** The layers that its files became, as its status or a host says. */
  readonly layers: TemplateLayers | undefined;
  /** Hosts that have all layers whole. */
  readonly ready: readonly string[];
  /** Hosts that have all layers, are fetching them, or are importing the files. */
  readonly holding: readonly string[];
  readonly failures: readonly CopyFailure[];
  /** Why hosts that have all layers cannot put them into their shared directory. */
  readonly unshared: readonly CopyFailure[];
  /** The shared directories that have all layers, by their ids. */
  readonly directories: readonly string[];
  /** What an import came to that is another layer than the one in the template's status; with its host. */
  readonly changed: { readonly host: string; readonly role: FileRole } | undefined;
  /** What a host found on its disk that no firmware can boot; undefined when it can, or when no host has looked. */
  readonly unbootable: string | undefined;
  /** What a host found on its disk, and which firmware boots it; undefined when no host has said so. */
  readonly boots: { readonly firmware: readonly Firmware[]; readonly content: string } | undefined;
  /** Size of the disk that a guest sees, in bytes, once a host has it. */
  readonly virtualBytes: number | undefined;
}

/** Finds a template's copies in what the hosts last reported. */
export function copiesOf(template: Template, hosts: readonly KnownHost[]): Copies {
  const files = filesOf(template);
  const layers = layersOf(template) ?? foundLayers(template, files, hosts);
  const names = identitiesOf(layers);
  const has = (host: KnownHost) => names.length > 0 && names.every((name) => host.layers.has(name));
  const isReady = (host: KnownHost) =>
    has(host) && names.every((name) => host.layers.get(name)?.state === 'Ready');
  const having = hosts.filter((host) => has(host) || imports(host, files));
  const disks = hosts.flatMap((host) => host.layers.get(layers?.disk ?? '') ?? []);
  const unbootable = disks.find(({ bootable }) => bootable === false);
  return {
    layers,
    ready: namesOf(hosts.filter(isReady)),
    holding: namesOf(having),
    failures: having.flatMap((host) => (isReady(host) ? [] : failureOn(host, files, names, keyOf(template)))),
    unshared: having.flatMap((host) => (isReady(host) ? sharingFailureOn(host, names) : [])),
    directories: directoriesWith(names, hosts),
    changed: hosts.flatMap((host) => changeOn(host, files, layersOf(template)))[0],
    unbootable: unbootable && (unbootable.content ?? 'nothing known'),
    boots: disks.flatMap(({ firmware, content = '' }) =>
      firmware === undefined ? [] : [{ firmware, content }],
    )[0],
    virtualBytes: disks.map(({ virtualBytes }) => virtualBytes).find((bytes) => bytes !== undefined),
  };
}

type Files = ReadonlyMap<FileRole, ImportFile>;

function namesOf(hosts: readonly KnownHost[]): readonly string[] {
  return hosts.map(({ name }) => name).sort();
}

/**
 * What the files of a template became on the hosts that imported them for its namespace: the proof that it may have them; and, if it is
 * made of an appliance, what that one's disk became.
 */
function foundLayers(
  { metadata, status }: Template,
  files: Files,
  hosts: readonly KnownHost[],
): TemplateLayers | undefined {
  const seal = hosts.map(({ seals }) => seals.get(metadata.uid ?? '')).find((one) => one?.identity);
  const sealed = status?.layers?.disk ?? seal?.identity;
  const imported = [...files].flatMap(([role, file]) => {
    const identity = hosts.map((host) => importOn(host, file)?.identity).find(isKnown);
    return identity === undefined ? [] : [[role, identity] as const];
  });
  if (imported.length < files.size) return undefined;
  const { disk = sealed, ...boot }: Partial<Record<FileRole, string>> = Object.fromEntries(imported);
  if (disk === undefined) return undefined;
  return { disk, ...boot, ...(seal?.data === undefined ? {} : { data: seal.data }), ...seal?.checkpoint };
}

function isKnown(identity: string | undefined): identity is string {
  return identity !== undefined;
}

function importOn({ imports }: Pick<KnownHost, 'imports'>, { key }: ImportFile) {
  return imports.get(importId(key));
}

function imports(host: Pick<KnownHost, 'imports'>, files: Files): boolean {
  return files.size > 0 && [...files.values()].every((file) => importOn(host, file) !== undefined);
}

/** The same file becomes the same layer: another one means that the host, or what is known, is not to be trusted. */
function changeOn(host: KnownHost, files: Files, known: TemplateLayers | undefined) {
  if (known === undefined) return [];
  const roles = [...files].flatMap(([role, file]) => {
    const identity = importOn(host, file)?.identity;
    return identity === undefined || identity === known[role] ? [] : [{ host: host.name, role }];
  });
  return roles.slice(0, 1);
}

function failureOn(host: KnownHost, files: Files, names: readonly string[], template: string): CopyFailure[] {
  const ofLayers = names.flatMap((name) => {
    const { problem } = host.layers.get(name) ?? {};
    // Another host may well import the file, or have the layer sound.
    return problem === undefined ? [] : [{ ...problem, isFinal: false }];
  });
  const ofImports = [...files.values()].flatMap((file) => {
    const found = importOn(host, file);
    const problem = found && problemFor(found, template);
    // As long as the import itself has not failed, another template's source may still give the file.
    const isFinal = problem?.retryAt === undefined && found?.state === 'Failed';
    return problem === undefined ? [] : [{ ...problem, isFinal }];
  });
  const [failure] = [...ofLayers, ...ofImports];
  if (failure === undefined) return [];
  const { reason, message, isFinal } = failure;
  return [{ host: host.name, reason, message, isFinal }];
}

/** The host tries again by itself. */
function sharingFailureOn(host: KnownHost, names: readonly string[]): CopyFailure[] {
  const problems = names.flatMap((name) => host.layers.get(name)?.sharingProblem ?? []);
  return problems
    .slice(0, 1)
    .map(({ reason, message }) => ({ host: host.name, reason, message, isFinal: false }));
}

/** How many hosts try an address that is the same for all before it is not tried on more. */
const ENOUGH_HOSTS = 3;

/**
 * The further host that should import a template's files, because no host has its layers, and none that tries will have them soon: the
 * one with the most free memory, then the first by name.
 * @param usable hosts that accept appliances
 * @param copies those on all hosts
 */
export function hostToImport(
  template: Template,
  usable: readonly HostView[],
  copies: Copies,
): HostView | undefined {
  if (!needsAnotherHost(template, copies)) return undefined;
  const files = filesOf(template);
  return byFreeMemory(usable.filter((view) => !imports(view, files) && canImport(template, view)))[0];
}

/**
 * The further hosts that should get a template's layers from those that have them. One that is to be shared goes to one host with a shared
 * directory, if none with one has it; no other is copied ahead.
 * @param wanted on how many hosts they are to be
 * @param hosts those that accept appliances, in placement's order; only asked for if there are too few copies
 */
export function hostsToCopyTo(
  template: Template,
  { layers, ready, directories }: Copies,
  wanted: number,
  hosts: () => readonly RankedHost[],
): readonly HostView[] {
  const isToShare = isShared(template);
  const isEnough = isToShare ? directories.length > 0 : wanted <= 1;
  if (ready.length === 0 || isEnough || template.spec.distribution.mode === 'OnDemand') return [];
  const ranked = hosts().filter(({ view }) => canKeep(template, view));
  const names = hostsToAdd(copyHosts(identitiesOf(layers), ranked), isToShare ? 1 : wanted);
  return names.flatMap((name) => ranked.find(({ view }) => view.name === name)?.view ?? []);
}

/** Whether the host accepts appliances, and its daemon knows what the template's files are. */
export function takesFilesOf({ spec }: Template, view: HostView): boolean {
  const knowsCds = view.status?.driver.capabilities.includes('hvmCdDrive') === true;
  return acceptsAppliances(view) && (spec.guest.cd === undefined || knowsCds);
}

/** Whether the host takes a template's files, and puts them where those of its mode are to be. */
export function canKeep(template: Template, view: HostView): boolean {
  const hasPlace = !isShared(template) || view.status?.sharedDirectory !== undefined;
  return takesFilesOf(template, view) && hasPlace;
}

/** A file that was pushed is on the one host that received it, and the disk of an appliance on that appliance's host. */
function canImport(template: Template, view: HostView): boolean {
  const { metadata, spec } = template;
  const { status, seals } = view;
  const { image, upload } = spec.source;
  if (image !== undefined) return canKeep(template, view);
  if (upload === undefined) return seals.has(metadata.uid ?? '');
  return (status?.uploads ?? []).some(
    ({ namespace, sha256 }) => namespace === metadata.namespace && sha256 === upload.sha256,
  );
}

/** Whether no host has the template, and another one may: a `file:` address is another file on every host. */
function needsAnotherHost({ spec }: Template, { holding, failures }: Copies): boolean {
  if (failures.length < holding.length) return false;
  if (spec.source.image?.url.startsWith('file:') === true || holding.length === 0) return true;
  return holding.length < ENOUGH_HOSTS && failures.some(({ isFinal }) => !isFinal);
}

function byFreeMemory(views: readonly HostView[]): HostView[] {
  return [...views].sort((a, b) => freeBytes(b) - freeBytes(a) || (a.name < b.name ? -1 : 1));
}

function freeBytes({ status }: HostView): number {
  return status === undefined ? 0 : status.capacity.memoryBytes - status.used.memoryBytes;
}

/**
 * The hosts that import a file of the template, and know other sources of it than these: a template that names it came, changed or
 * went.
 * @param file with the sources that all templates of the namespace name
 */
export function hostsToTell({ key, desired }: ImportFile, views: readonly HostView[]): readonly HostView[] {
  const wanted = new Set([desired.template, ...(desired.others ?? []).map(({ template }) => template)]);
  return views.filter(({ imports: known }) => {
    const found = known.get(importId(key));
    if (found === undefined || found.state === 'Ready') return false;
    const told = new Set(found.sources.map(({ template }) => template));
    return (desired.others ?? []).length > 0 || told.size !== wanted.size || !told.has(desired.template);
  });
}
