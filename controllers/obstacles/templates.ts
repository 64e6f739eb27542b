import { parseKey } from '../../src/base/object.ts';
import { type Firmware, LOOKS_FOR } from '../../src/domain/firmware.ts';
import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** What keeps a template from being used. Templates are named as namespace/name. */
export const templateObstacles = {
  /** One sentence for two cases: nobody learns of a template that is not shared with them. @param namespace which wants to use it */
  notFound: (template: string, namespace: string | undefined): Obstacle =>
    waiting(
      REASON.TemplateNotFound,
      parseKey(template).namespace === namespace
        ? `template ${template} does not exist: create it`
        : `template ${template} does not exist, or is not shared with namespace ${namespace}: create it, or have its owner set spec.sharing`,
    ),
  /** Likewise of a TemplateLabel and its visibility. */
  labelNotFound: (label: string, namespace: string | undefined): Obstacle =>
    waiting(
      REASON.LabelNotFound,
      parseKey(label).namespace === namespace
        ? `TemplateLabel ${label} does not exist: create it (coppice label add)`
        : `TemplateLabel ${label} does not exist, or is not visible to namespace ${namespace}: create it, or have its owner set ` +
            'spec.visibility to Cluster',
    ),
  /**
   * No host has its layers yet.
   * @param failure why not, unless it is not for all to see: it may name the address of an image
   */
  notImported: (template: string, failure?: Explanation & { readonly isFinal: boolean }): Obstacle => {
    const says = `no host has imported the files of template ${template} yet: its status says how far it is`;
    if (failure === undefined) return waiting(REASON.TemplateNotReady, says);
    const obstacle = failure.isFinal ? stalled : waiting;
    return obstacle(failure.reason, `template ${template}: ${failure.message}`);
  },
  deleting: (template: string): Obstacle =>
    waiting(REASON.TemplateDeleting, `template ${template} is being deleted: use another one`),
  /** A parent may still be created; a circle, or a chain that is too deep, goes away only by a change. */
  chain: ({ reason, message }: Explanation): Obstacle =>
    reason === REASON.ParentNotFound ? waiting(reason, message) : stalled(reason, message),
  /** @param problem such as `byte quantity "-1" is negative: give zero or more` */
  invalidAmount: (template: string, field: string, problem: string): Obstacle =>
    stalled(REASON.InvalidAmount, `${field} of template ${template}: ${problem}`),
  /** No template of a series, or with certain labels, can be used. */
  noneUsable: (reason: string, message: string): Obstacle =>
    waiting(reason === 'NoSuchTemplate' ? REASON.TemplateNotFound : reason, message),
  /** @param failures why each host has no copy */
  importFailed: (failures: readonly CopyFailure[]): Obstacle => {
    const [first] = failures;
    const isSame = failures.every(({ reason }) => reason === first?.reason);
    const obstacle = failures.every(({ isFinal }) => isFinal) ? stalled : waiting;
    return obstacle(isSame && first !== undefined ? first.reason : REASON.ImportFailed, listed(failures));
  },
  /** @param hosts those that try. @param failures of some of them */
  fetching: (hosts: readonly string[], failures: readonly CopyFailure[]): Obstacle => {
    const trying = hosts.filter((host) => failures.every((failure) => failure.host !== host));
    const parts = [
      `${trying.join(', ')} fetches its files and judges its image: it is Ready when they are there`,
      ...(failures.length === 0 ? [] : [listed(failures)]),
    ];
    return waiting(REASON.Fetching, parts.join('; '));
  },
  /** @param role such as `kernel` */
  contentChanged: (host: string, role: string): Obstacle =>
    stalled(
      REASON.ContentChanged,
      `host ${host} imported its ${role} again, and the content is another than that of the layer that its appliances stand on: ` +
        'make a new template, of the same series and another version',
    ),
  fetchingSoon: (): Obstacle =>
    waiting(REASON.Fetching, 'a host is called on to fetch its files and to judge its image'),
  notUploaded: (template: string, sha256: string): Obstacle =>
    waiting(
      REASON.NotUploaded,
      `no host has its file (sha256 ${sha256}) yet: \`coppice template push FILE --name ${template.split('/').at(-1)}\` uploads it, and goes on ` +
        'where it was interrupted',
    ),
  noHosts: (hasCd: boolean): Obstacle =>
    waiting(
      REASON.NoHosts,
      `no host is there that could fetch its files and judge its image: register one (kubectl get hosts)${
        hasCd ? ', or upgrade the daemon of one that is older than CDs (guest.cd) are' : ''
      }`,
    ),
  noSharedDirectory: (): Obstacle =>
    waiting(
      REASON.NoSharedDirectory,
      'its mode is Shared, and no host that accepts appliances has a directory that it shares with others: mount one on the hosts, and ' +
        'start their daemons with --shared-directory (docs/hosts.md)',
    ),
  /** @param hosts those that have its layers */
  sharing: (hosts: readonly string[]): Obstacle =>
    waiting(
      REASON.Sharing,
      `its layers are on ${hosts.join(', ')}: they are being put into the directory that hosts share`,
    ),
  hostsUnheard: (): Obstacle =>
    waiting(REASON.Connecting, 'the hosts have not reported yet whether they have its files'),
  /** @param content what a host found on its disk */
  nothingToBoot: (content: string): Obstacle =>
    stalled(
      REASON.NothingToBoot,
      `its disk has ${content}, but neither a boot sector nor an EFI system partition, and it gives no kernel: make a new template ` +
        'with guest.boot, or of an image with a boot loader',
    ),
  /** @param content what a host found on its disk */
  otherFirmware: (firmware: Firmware, content: string): Obstacle =>
    stalled(
      REASON.OtherFirmware,
      `guest.firmware is ${firmware}, which looks for ${LOOKS_FOR[firmware]}, and its disk has ${content}: make a new template with ` +
        'the other firmware, or with none',
    ),
  /** @param holders such as `held by 1 template (default/child)` */
  held: (holders: string): Obstacle => waiting(REASON.InUse, `${holders}: it is deleted when they are`),
  filesHeld: (refusals: readonly string[]): Obstacle => waiting(REASON.InUse, refusals.join('; ')),
  hostsAway: (hosts: readonly string[]): Obstacle =>
    waiting(
      REASON.HostUnreachable,
      `hosts that have its files do not answer (${hosts.join(', ')}): it is deleted when they do, or are no longer registered`,
    ),
};

/** What a template without an obstacle says. */
export const templateStates = {
  /** @param failures of hosts that cannot put it into their directory, or have no copy */
  shared: (directories: readonly string[], hosts: number, failures: readonly CopyFailure[]): Explanation => {
    const parts = [
      'appliances can be created from it',
      `its files are in the shared directory ${directories.join(', ')}`,
      `${hosts} host(s) use them or have a copy`,
      ...(failures.length === 0 ? [] : [listed(failures)]),
    ];
    return { reason: REASON.Available, message: parts.join('; ') };
  },
  /** @param failures of hosts that tried without success; others have it, and they try again by themselves */
  available: (hostsReady: number, failures: readonly CopyFailure[]): Explanation => {
    const parts = [
      'appliances can be created from it',
      `${hostsReady} host(s) have its files`,
      ...(failures.length === 0 ? [] : [listed(failures)]),
    ];
    return { reason: REASON.Available, message: parts.join('; ') };
  },
};

/** What keeps a host from having a layer that is to be shared. */
export const sharingObstacles = {
  /** @param host which puts it there */
  layerOnItsWay: (identity: string, host: string): Obstacle =>
    waiting(
      REASON.Sharing,
      `host ${host} puts layer ${identity} into the shared directory: this host takes it from there`,
    ),
};

/** What is worth an Event of a template beside what its conditions say. */
export const templateEvents = {
  /** @param since RFC 3339, as `date` */
  expiring: (since: string, date: string): Explanation => ({
    reason: REASON.Unused,
    message:
      `nothing has used it since ${since}: it is removed, with all its copies, at ${date}, unless an appliance, a template or a task ` +
      'uses it before; set lifecycle.retain to keep it',
  }),
  /** @param size such as `1.2Gi` */
  spaceFreed: (hosts: number, size: string): Explanation => ({
    reason: REASON.SpaceFreed,
    message: `its files were deleted from ${hosts} host(s), which gives ${size} of disk space back`,
  }),
};

/** What a host says that does not delete the files of a deleted template. */
export function refusalOf(host: string, message: string): string {
  return `host ${host} does not delete its files: ${message}`;
}

/** Why a host has no copy of a template. */
export interface CopyFailure extends Explanation {
  readonly host: string;
  /** Whether a person must correct something. Otherwise the host tries again by itself. */
  readonly isFinal: boolean;
}

function listed(failures: readonly CopyFailure[]): string {
  return failures.map(({ host, message }) => `${host}: ${message}`).join('; ');
}
