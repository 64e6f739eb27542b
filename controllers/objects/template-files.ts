import type { Template } from '../../src/api/kinds.ts';
import { keyOf } from '../../src/base/object.ts';
import type {
  DesiredImport,
  ImportKey,
  ImportKind,
  LayerIdentity,
  SealStatus,
  Sha256,
} from '../../src/host/protocol.ts';

/** A file of a template, as a host imports it. */
export interface ImportFile {
  readonly key: ImportKey;
  readonly desired: DesiredImport;
}

/** What a template's files are: its disk, the kernel and initial RAM disk that the hypervisor starts directly, and a CD. */
export const FILE_ROLES = ['disk', 'kernel', 'initrd', 'cd'] as const;
export type FileRole = (typeof FILE_ROLES)[number];
/**
 * What layers a template has: those of its files; and, if it was made of an appliance that has them, that of a second disk, and those of
 * the memory and the devices' state of that moment.
 */
export const LAYER_ROLES = [...FILE_ROLES, 'data', 'memory', 'state'] as const;
type LayerRole = (typeof LAYER_ROLES)[number];

/** The layers of a template. */
export type TemplateLayers = { readonly disk: LayerIdentity } & Partial<Record<LayerRole, LayerIdentity>>;

/** Every file that a template has imported, by its role; one that is made of an appliance has none for its disk. */
export function filesOf(template: Template): ReadonlyMap<FileRole, ImportFile> {
  const { boot, cd } = template.spec.guest;
  const sources = { disk: diskSourceOf(template), kernel: boot?.kernel, initrd: boot?.initrd, cd };
  const files = FILE_ROLES.flatMap((role) => {
    const source = sources[role];
    return source === undefined ? [] : [[role, fileOf(template, kindOf(role), source)] as const];
  });
  return new Map(files);
}

type Source = { readonly url: string; readonly sha256: Sha256 };

/** Where a template's own disk comes from. Hosts know a file that was pushed to them by its digest. */
function diskSourceOf({ spec: { source } }: Template): Source | undefined {
  const { image, upload } = source;
  return upload === undefined ? image : { url: `upload:${upload.sha256}`, sha256: upload.sha256 };
}

function kindOf(role: FileRole): ImportKind {
  return role === 'disk' || role === 'cd' ? role : 'boot';
}

function fileOf(template: Template, kind: ImportKind, { url, sha256 }: Source): ImportFile {
  const { namespace = 'default' } = template.metadata;
  return { key: { sha256, kind, namespace }, desired: { kind, url, template: keyOf(template) } };
}

/** Every digest of a template's files. */
export function digestsOf(template: Template): Sha256[] {
  return [...new Set([...filesOf(template).values()].map(({ key }) => key.sha256))];
}

/** The layers that a template's files became, as its status says; undefined until all are known. */
export function layersOf({ spec, status }: Template): TemplateLayers | undefined {
  const { disk, kernel, initrd, cd, data, memory, state } = status?.layers ?? {};
  const { boot } = spec.guest;
  if (disk === undefined || (spec.guest.cd !== undefined && cd === undefined)) return undefined;
  if ((boot !== undefined && kernel === undefined) || (boot?.initrd !== undefined && initrd === undefined))
    return undefined;
  return {
    disk,
    ...(kernel === undefined ? {} : { kernel }),
    ...(initrd === undefined ? {} : { initrd }),
    ...(data === undefined ? {} : { data }),
    ...(cd === undefined ? {} : { cd }),
    ...(memory === undefined || state === undefined ? {} : { memory, state }),
  };
}

/** The layers that a host made for a template of an appliance: of its disks, and of its memory. */
export function sealedLayers({ identity, data, checkpoint }: Partial<SealStatus> = {}): LayerIdentity[] {
  return [identity, data, checkpoint?.memory, checkpoint?.state].filter((one) => one !== undefined);
}

/** The names of a template's layers, its disk's first. */
export function identitiesOf(layers: TemplateLayers | undefined): LayerIdentity[] {
  return [...new Set(LAYER_ROLES.flatMap((role) => layers?.[role] ?? []))];
}

/** How many more sources a host takes for an import (`desiredImportSchema`). */
export const MOST_OTHERS = 200;

/**
 * The file with the sources that other templates of its namespace name for it: whoever names a dead source must not keep it from the
 * others. Templates of other namespaces import it themselves.
 * @param templates all that name the digest
 */
export function withOtherSources({ key, desired }: ImportFile, templates: readonly Template[]): ImportFile {
  const others = templates
    .filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined && metadata.namespace === key.namespace,
    )
    .flatMap((template) => [...filesOf(template).values()])
    .filter((file) => file.key.sha256 === key.sha256 && file.key.kind === key.kind)
    .map(({ desired: { url, template } }) => ({ url, template }))
    .filter(({ url, template }) => url !== desired.url || template !== desired.template)
    .sort((a, b) => (`${a.template} ${a.url}` < `${b.template} ${b.url}` ? -1 : 1));
  return others.length === 0
    ? { key, desired }
    : { key, desired: { ...desired, others: others.slice(0, MOST_OTHERS) } };
}
