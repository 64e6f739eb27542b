import { problemSchema } from './problem.ts';
import { arrayOf, boolean, closed, enumOf, number, oneOf, open, optional, string } from './typed-schema.ts';
import { count, dnsLabel, dnsName, identity, layerUrl, sha256, uuid } from './values.ts';

/** The part of the daemon's API that is about imports, layers and uploads; `schemas.ts` has the rest, and the rules for both. */

const importKind = enumOf(['disk', 'boot', 'cd']);
/** The kinds of files that layers are; `memory` and `state` are parts of a checkpoint. */
export const LAYER_KINDS = ['disk', 'boot', 'cd', 'memory', 'state'] as const;
const layerKind = enumOf(LAYER_KINDS);
export const firmwareName = enumOf(['bios', 'uefi']);

export const sha256Params = closed({ sha256 });
export const uploadParams = closed({ namespace: dnsLabel, sha256 });
export const identityParams = closed({ identity });
/** Which of the imports with a digest: each namespace imports by itself. */
export const importQuery = closed({ kind: importKind, namespace: dnsLabel });
const byteCount = string({ pattern: '^[0-9]{1,15}$' });
/** The query of `PUT /v1/uploads/{sha256}`: where the bytes begin, and how many the whole file has. */
export const uploadQuery = closed({ offset: byteCount, total: byteCount });

const layerSource = {
  /** `file:`, `http:` or `https:`, of a disk also `docker:`. The host fetches it and refuses it when the digest differs. */
  url: layerUrl,
  /** namespace/name of the Template that names it. */
  template: string({ minLength: 1, maxLength: 512, pattern: '^[-a-z0-9./]+$' }),
};

/**
 * `PUT /v1/imports/{sha256}`: fetch this file, verify its digest, and make it a layer. `disk`: an image of a disk; `boot`: a kernel or
 * an initial RAM disk; `cd`: an image of a CD, of which no driver makes another file. Templates of one namespace that name the same file
 * share an import; another namespace has one of its own, because who can fetch the file may have it, and nobody else.
 */
export const desiredImportSchema = closed({
  kind: importKind,
  ...layerSource,
  /** What other Templates of the namespace name as its source. The import has these sources and no others, and tries each. */
  others: optional(arrayOf(closed(layerSource), 200)),
});

/** The query of `GET /v1/layers/{identity}/log`: of the builds that became the layer, that of this namespace. */
export const layerLogQuery = closed({
  namespace: dnsLabel,
  /** What its steps printed, or what its VM wrote to its console. */
  source: optional(enumOf(['build', 'console'])),
  bytes: optional(string({ pattern: '^[1-9][0-9]{0,6}$' })),
});

/** `PUT /v1/layers/{identity}`: have this layer, from hosts that have it. */
export const desiredLayerSchema = closed({
  /** Hosts to fetch it from, in this order. */
  peers: arrayOf(
    closed({ host: dnsName, url: string({ minLength: 1, maxLength: 512, pattern: '^https://[^\\s/]+$' }) }),
    32,
  ),
  /** Hosts that may fetch it from this one. */
  readers: arrayOf(dnsName, 10_000),
  /** Whether its file is to be in the directory that hosts share: taken from there if it is there, else put there. */
  shared: optional(boolean()),
});

export const importStatusSchema = open({
  sha256,
  kind: importKind,
  namespace: dnsLabel,
  state: enumOf(['Fetching', 'Ready', 'Failed']),
  template: string(),
  fetchedBytes: count,
  /** As far as the source told. */
  totalBytes: optional(count),
  /** Of what arrived in the last seconds, while it is fetched; `secondsLeft` at this rate, as far as the source told its size. */
  bytesPerSecond: optional(count),
  secondsLeft: optional(count),
  /** What the host does with it, until it is Ready. */
  phase: optional(enumOf(['Fetching', 'Unpacking', 'Converting'])),
  /** The layer that the file became; known when Ready. */
  identity: optional(identity),
  seconds: optional(number()),
  /** Whether it waits for other files to be fetched first. */
  queued: optional(boolean()),
  /** Why it is not here. It names no address unless there is one only. */
  problem: optional(problemSchema),
  /** Its sources, each with what is wrong with it: only for those who may see its Template. */
  sources: arrayOf(open({ template: string(), problem: optional(problemSchema) })),
});

/** `POST /v1/layers/{identity}/verify`: read its file again. */
export const verifyRequestSchema = closed({
  /** Named in the layer's status: what was read for this request is not read again for it. */
  request: string({ minLength: 1, maxLength: 128, pattern: '^[ -~]+$' }),
});

const verification = open({
  request: string(),
  state: enumOf(['Running', 'Sound', 'Damaged', 'Failed']),
  doneBytes: count,
  totalBytes: count,
  /** Why it could not be read. */
  message: optional(string()),
});

export const layerStatusSchema = open({
  identity,
  state: enumOf(['Fetching', 'Ready', 'Failed']),
  /** Known when Ready, as is most of what follows. */
  kind: optional(layerKind),
  /** What it is a difference to. */
  parent: optional(identity),
  fetchedBytes: optional(count),
  totalBytes: optional(count),
  /** Size the guest sees. */
  virtualBytes: optional(count),
  /** Whether firmware finds something to boot on the disk; without, a VM on it needs a kernel. */
  bootable: optional(boolean()),
  /** Which firmware finds something to boot on the disk. Absent from older daemons, and for layers that they stored. */
  firmware: optional(arrayOf(firmwareName)),
  /** What is on the disk, for people: `a GPT partition table and a boot sector`. */
  content: optional(string()),
  /** What its file takes on the host's disk, which it gives back when it goes: holes take nothing. */
  storedBytes: optional(count),
  /** The last time that its file was read again, by this daemon. */
  verification: optional(verification),
  /** Why it is not here, or cannot be used. */
  problem: optional(problemSchema),
  /** The id of the shared directory that has its file. */
  shared: optional(string()),
  /** Why its file is not in the shared directory yet, though it was to be. */
  sharingProblem: optional(problemSchema),
  /** uuids of the appliances whose disks stand on it, and layers on it: while there are any it cannot be deleted (409). */
  heldBy: arrayOf(string()),
});

/** A file that a user pushes. */
export const uploadStatusSchema = open({
  sha256,
  /** What is on this host's disk of it: the next bytes begin there. */
  receivedBytes: count,
  /** Whether all of it is there, with the right digest. */
  complete: boolean(),
  /** How much more the host would take. */
  freeBytes: count,
});

/** `PUT /v1/seals/{uuid}`: make layers of disks, for the Template of this uuid. */
export const desiredSealSchema = oneOf('kind', {
  /** What this appliance's disks hold: differences to the layers that they stand on or, if `flat`, all that the guest sees. */
  appliance: { appliance: uuid, flat: optional(boolean()) },
  /** What a guest sees of these layers, as layers that stand on none. */
  layers: { disk: identity, data: optional(identity) },
  /** The memory, the devices' state and the disks of this appliance, of one moment: its VM ends. It is one with `capturable`. */
  checkpoint: { appliance: uuid },
});

export const sealStatusSchema = open({
  uuid,
  /** Of whose disks the layers are made, unless they are made of layers. */
  appliance: optional(uuid),
  /** `Capturing`: its disk's content is being kept as it is at one moment; `Sealing`: that is being read and named. */
  state: enumOf(['Capturing', 'Sealing', 'Ready', 'Failed']),
  /** Of the work of `state`. */
  doneBytes: optional(count),
  totalBytes: optional(count),
  /** The layer that its disk became, and that of its second disk, if it has one; known when Ready. */
  identity: optional(identity),
  data: optional(identity),
  /** The layers of a checkpoint besides its disks; known when Ready. The state names all of them. */
  checkpoint: optional(open({ memory: identity, state: identity })),
  /** What a person should know of the layer, though it is sound. */
  warning: optional(string()),
  problem: optional(problemSchema),
});

export const importListSchema = open({ imports: arrayOf(importStatusSchema) });
export const layerListSchema = open({ layers: arrayOf(layerStatusSchema) });
export const sealListSchema = open({ seals: arrayOf(sealStatusSchema) });
