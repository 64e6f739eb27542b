import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';

/**
 * Which folder may import which: the one list from which `npm run generate` writes the linter's rules (`overrides` in
 * `biome.json`) and the table of docs/architecture.md. scripts/layers.test.ts proves by probes that the linter refuses the rest.
 */
interface Room {
  /** From the repository's root, without a slash at the end. */
  readonly path: string;
  /** What is in it, as docs/architecture.md says it. */
  readonly holds: string;
  /** Paths of rooms. `undefined`: the linter has no rule for it. */
  readonly mayImport: readonly string[] | undefined;
  /** Where `mayImport` does not say all: the text of the table. */
  readonly note?: string;
  /** Files of rooms in `mayImport` that it may not import nevertheless. */
  readonly except?: readonly string[];
}

/** Every room of the repository, in the order of the table. */
export const ROOMS: readonly Room[] = [
  {
    path: 'crds',
    holds: 'one YAML per kind, the source of truth: schema, rules, defaults, columns',
    mayImport: undefined,
  },
  {
    path: 'src/base',
    holds:
      'the ground floor of both programs: clock, the one HTTP client, back-off, abort, deadline, JSON, object metadata, locks, queues, cached answers',
    mayImport: [],
  },
  {
    path: 'src/api',
    holds:
      'types generated from `crds/` (`npm run generate`), labels, conditions, references, the table of drivers',
    mayImport: ['src/base'],
  },
  {
    path: 'src/domain',
    holds:
      'pure decisions: `placement/` (Algorithms 1 and 2), `timing/` (Equation 1), `templates/` (series, tree, labels, facts), `ipam/` (addresses, pools), `services/` (builders, probes, access points), `vm-shape.ts` (which changes need a new VM)',
    mayImport: ['src/base', 'src/api'],
  },
  {
    path: 'src/kube',
    holds:
      'the Kubernetes client that controllers stand on: `http/` (connections, liveness), `client/` (verbs, apply, finalizers, fence), `informer/` (watches and their store), `controller/` (keyed queue, results of a reconcile), `election/` (leader), `events/`',
    mayImport: ['src/base', 'src/api'],
  },
  {
    path: 'src/host',
    holds:
      "the daemon's API (`schemas.ts`, `host-schemas.ts`, `layer-schemas.ts` and `build-schemas.ts` are the source, `protocol.ts` the types that follow; `streams.ts`: console and exec) and its client",
    mayImport: ['src/base', 'src/api', 'src/domain'],
  },
  {
    path: 'src/hostd',
    holds:
      "the daemon: `http/` (server, OpenAPI), `appliance/` (planner and steps), `layers/` (their content and names, their way from host to host), `imports/` (files that become layers), `checkpoints/` (the file that names a checkpoint's parts), `seals/` (appliances' disks and memory that become layers), `uploads/` (what users push), `guest/` (agent, installation; `packages/` reads what a package is, `streams/` runs programs with input and outputs, `clone/` makes a VM with another one's memory a machine of its own), `network/` (the host's bridge, checks of addresses), `ports/`, `host/` (capacity, measurement), `files/` (durable writes, locks), `state/` (records on disk), `errors/` (every error's reason and message), `drivers/`",
    mayImport: ['src/base', 'src/host', 'src/domain', 'src/api'],
    note: "base, api, domain, host (its protocol, and how one connects to a daemon; not its client); a driver's folder no other driver's, and `drivers/common/` none",
    except: ['client', 'event-stream', 'stream-client'].map((name) => `src/host/${name}.ts`),
  },
  {
    path: 'src/apiserver',
    holds:
      'the embedded API server: `schema/` (OpenAPI, CEL, pruning), `apply/` (server-side apply), `storage/` (SQLite), `auth/` (RBAC), `handlers/` (one file per verb), `aside/` (a second thread for long work), `extension/` (passes requests for streams on to the operator), `routing/` (from a request to its handler)',
    mayImport: ['src/base', 'src/api'],
  },
  {
    path: 'controllers',
    holds:
      'one folder per controller, one file per phase; `index.ts` lists them. They share `daemons/` (links to the hosts, their views and streams, the ledger of PUTs), `objects/` (references, leases, layers of a template), `obstacles/` (every reason and sentence of conditions and Events), `status/` (when a status is written, and which Events follow) and `memory/` (what may be lost); `indexes.ts` names the indexes of the caches, `context.ts` is what each receives',
    mayImport: ['src/base', 'src/api', 'src/domain', 'src/kube', 'src/host'],
    note: "base, api, domain, kube, host; a controller's folder no other controller's, and the shared ones none",
  },
  {
    path: 'src/streams',
    holds:
      "consoles, programs in guests and logs with a user's own rights: who asks, whether they may, and the way on to the daemon",
    mayImport: ['src/base', 'src/api', 'src/kube', 'src/host'],
    note: 'base, api, kube, host (its protocol, not its client)',
    except: ['client', 'connector', 'event-stream', 'stream-client'].map((name) => `src/host/${name}.ts`),
  },
  {
    path: 'src/dashboard',
    holds: '',
    mayImport: ['src/base', 'src/api', 'src/domain', 'src/kube'],
  },
  { path: 'src/cli', holds: 'one file per command', mayImport: undefined, note: 'anything' },
  {
    path: 'src/main',
    holds:
      "composition roots, certificates, `driver-factories.ts`, `enrolment/`: how hosts join, and `local/`: one machine's Coppice as processes, which `supervisor/` keeps running",
    mayImport: undefined,
    note: 'anything',
  },
  {
    path: 'scripts',
    holds:
      'what `package.json` calls: bootstrap, guest builder, generator, releases (`build/`), container images; the list of rooms (`layers.ts`); tests of the rules for rooms, kinds and recipes',
    mayImport: undefined,
  },
  {
    path: 'charts',
    holds:
      "Helm: `coppice-crds` (generated from `crds/`) and `coppice`; the operator's RBAC is generated from `src/main/permissions.ts`",
    mayImport: undefined,
  },
  {
    path: 'examples',
    holds: 'manifests that a newcomer applies, and the systemd unit of a host',
    mayImport: undefined,
  },
  {
    path: 'test',
    holds:
      'integration, e2e, gitops (Flux), bench, `bare/` (both commands in a bare Debian), `kubernetes/` (the API servers, and the node, that tests run against), `cluster/` (the charts on it); unit tests stand beside their code',
    mayImport: undefined,
    note: 'anything',
  },
];

/** Folders of which none may import another; `shared` ones beside them may be imported by each, and import none of them. */
interface Siblings {
  readonly room: string;
  readonly folder: string;
  readonly shared: readonly string[];
}

export const SIBLINGS: readonly Siblings[] = [
  { room: 'src/hostd', folder: 'src/hostd/drivers', shared: ['common'] },
  {
    room: 'controllers',
    folder: 'controllers',
    shared: ['daemons', 'objects', 'obstacles', 'status', 'memory'],
  },
];

/** One folder's rule: what no file in it may import. */
export interface Rule {
  readonly path: string;
  /** Paths of folders, and of files where they end in `.ts`. */
  readonly forbidden: readonly string[];
  readonly message: string;
}

/** Rooms that are ruled or that rules speak of; a folder for which `scripts` and the like stand is never imported. */
export const CODE_ROOMS: readonly string[] = ROOMS.map(({ path }) => path).filter(
  (path) => path.startsWith('src/') || path === 'controllers',
);

/** The rules for the folders of the repository at `root`; a rule for a folder inside another comes after it, and says all. */
export function layerRules(root: string): readonly Rule[] {
  return ROOMS.flatMap((room) => {
    if (room.mayImport === undefined) return [];
    const allowed = room.mayImport;
    const rule = {
      path: room.path,
      forbidden: [
        ...CODE_ROOMS.filter((other) => other !== room.path && !allowed.includes(other)),
        ...(room.except ?? []),
      ],
      message: `${room.path} may import ${mayImportText(room)} (docs/architecture.md, layers)`,
    };
    return [rule, ...siblingRules(root, rule)];
  });
}

function siblingRules(root: string, parent: Rule): readonly Rule[] {
  return SIBLINGS.filter(({ room }) => room === parent.path).flatMap((siblings) => {
    const own = siblingsIn(root, siblings);
    return [...own, ...siblings.shared].map((name) => ({
      path: `${siblings.folder}/${name}`,
      forbidden: [
        ...parent.forbidden,
        ...own.filter((other) => other !== name).map((other) => `${siblings.folder}/${other}`),
      ],
      message: parent.message,
    }));
  });
}

/** The folders that stand side by side: all there are, except for the shared ones. */
function siblingsIn(root: string, { folder, shared }: Siblings): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !shared.includes(entry.name))
    .map(({ name }) => name)
    .sort();
}

/** How deep below a ruled folder files lie at most. */
export const DEPTH = 4;

/** What an import of the folder or file looks like from files of the ruled folder, as patterns of `noRestrictedImports`. */
export function patternsOf(rule: Rule): readonly string[] {
  return rule.forbidden.flatMap((path) => {
    const target = path.endsWith('.ts') ? path : `${path}/**`;
    const direct = relative(rule.path, target);
    const relatives = Array.from({ length: DEPTH + 1 }, (_, depth) => `${'../'.repeat(depth)}${direct}`);
    // From the repository's root, however the import climbs there; `controllers` is also a folder of src/apiserver.
    return path.includes('/') ? [`**/${target}`, ...relatives] : relatives;
  });
}

/** A room's cell in the table. */
export function mayImportText({ mayImport, note }: Room): string {
  if (note !== undefined) return note;
  if (mayImport === undefined) return '';
  return mayImport.length === 0
    ? 'nothing of ours'
    : mayImport.map((path) => path.replace('src/', '')).join(', ');
}
