import {
  CONDITION_EXPIRING,
  CONDITION_READY,
  type Condition,
  findCondition,
  removeCondition,
  type Summary,
  setCondition,
  setSummary,
} from '../../src/api/conditions.ts';
import type { Template } from '../../src/api/kinds.ts';
import { isSameJson } from '../../src/base/equality.ts';
import { keyOf } from '../../src/base/object.ts';
import { isOfOtherFirmware } from '../../src/domain/firmware.ts';
import { formatBytes } from '../../src/domain/quantity.ts';
import { isShared } from '../daemons/shared-directories.ts';
import { type Obstacle, summaryOf } from '../obstacles/obstacle.ts';
import { REASON, UNJUDGED } from '../obstacles/reasons.ts';
import { sealObstacles } from '../obstacles/seals.ts';
import { templateObstacles, templateStates } from '../obstacles/templates.ts';
import type { EventRule } from '../status/occurrence.ts';
import type { Urgency } from '../status/write-debouncer.ts';
import type { Copies } from './copies.ts';
import type { Life } from './life.ts';
import type { Position } from './position.ts';

type Status = NonNullable<Template['status']>;

/** What a template's status is made of. */
export interface StatusFacts {
  readonly template: Template;
  readonly position: Position;
  readonly copies: Copies;
  readonly life: Life;
  /** How far the import of its disk is, while there is one. */
  readonly progress: Status['import'];
  /** How many appliances have a disk based on it, and when the youngest was created (RFC 3339). */
  readonly appliances: number;
  readonly lastUsedTime: string | undefined;
  /** Whether hosts were not heard since the operator started, and may hold more of it. */
  readonly isPartial: boolean;
  /** Its guest's settings, with those that it has from its parents. */
  readonly guest: Template['spec']['guest'];
  /** How far its build is, if it is built. */
  readonly building?: Status['build'];
  /** How far the checkpoints are that it keeps. */
  readonly checkpoints?: Status['checkpoints'];
  /** What hosts found that read its layers again, if somebody asked for that. */
  readonly verification?: Status['verification'];
  /** What keeps a host from making it of an appliance, or from building it. */
  readonly sealing: Obstacle | undefined;
  /** Whether a host is there that could fetch it. */
  readonly hasHosts: boolean;
  /** What keeps a deleted template from being removed; undefined when it is not being deleted. */
  readonly blocker: Obstacle | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The whole status of a template. */
export function statusOf(facts: StatusFacts): Status {
  const { template, position, copies, life, appliances, now } = facts;
  const old = template.status;
  const { generation } = template.metadata;
  const isAsBefore = stands(facts);
  const summary = isAsBefore ? old?.conditions : setSummary(old?.conditions, stateOf(facts), generation, now);
  const hostsReady = copies.ready.length;
  return {
    observedGeneration: generation,
    conditions: withExpiring(summary, facts),
    layers: copies.layers ?? old?.layers,
    parent: old?.parent,
    build: buildOf(facts),
    checkpoints: facts.checkpoints,
    verification: facts.verification,
    import: copies.ready.length > 0 ? undefined : facts.progress,
    virtualSize: copies.virtualBytes === undefined ? old?.virtualSize : formatBytes(copies.virtualBytes),
    depth: 'depth' in position ? position.depth : undefined,
    hostsReady: isAsBefore ? Math.max(old?.hostsReady ?? 0, hostsReady) : hostsReady,
    appliances,
    lastUsedTime: latest(old?.lastUsedTime, facts.lastUsedTime),
    popularity: life.popularity,
    unusedSince: life.unusedSince,
  };
}

function withExpiring(conditions: readonly Condition[] | undefined, { life, template, now }: StatusFacts) {
  if (life.expiring === undefined) return removeCondition(conditions, CONDITION_EXPIRING);
  const { generation: observedGeneration } = template.metadata;
  const about = observedGeneration === undefined ? {} : { observedGeneration };
  const wanted = { type: CONDITION_EXPIRING, status: 'True', ...life.expiring, ...about } as const;
  return setCondition(conditions, wanted, now);
}

/**
 * The status of a build. Once the template has its layer, these remain: the build's key, the template that shares it, and the host with
 * its log.
 */
function buildOf({ template, building, copies }: StatusFacts): Status['build'] {
  const build = building ?? template.status?.build;
  if (build === undefined || copies.layers === undefined) return build;
  const { key, sharedWith, host } = build;
  return {
    ...(key === undefined ? {} : { key }),
    ...(sharedWith === undefined ? {} : { sharedWith }),
    ...(host === undefined ? {} : { host }),
    state: 'Done',
  };
}

/** What is worth an Event though nothing is wrong. */
const PROGRESS_TOLD: ReadonlySet<string> = new Set([REASON.Building, REASON.Sealing, REASON.Sharing]);

/** The Events of a template: something is wrong with it, it can be used, or it is to be removed. */
export const TEMPLATE_EVENTS: readonly EventRule[] = [
  {
    condition: CONDITION_READY,
    eventType: ({ status, reason }) => {
      if (status === 'True' || PROGRESS_TOLD.has(reason)) return 'Normal';
      return UNJUDGED.has(reason) && reason !== REASON.NoHosts ? undefined : 'Warning';
    },
  },
  { condition: CONDITION_EXPIRING, eventType: () => 'Warning' },
];

/**
 * Ready means that a host has its files, and judged its image; what one host has, others can have. A failure on some hosts only is
 * part of the message; those hosts try again by themselves.
 */
function stateOf(facts: StatusFacts): Summary {
  const { template, guest, position, copies, blocker, isPartial, hasHosts, sealing } = facts;
  if (blocker !== undefined) return summaryOf(blocker);
  if ('obstacle' in position) return summaryOf(position.obstacle);
  const { changed, failures, ready, holding, unbootable, boots } = copies;
  if (changed !== undefined) return summaryOf(templateObstacles.contentChanged(changed.host, changed.role));
  if (unbootable !== undefined && bootsItself(guest))
    return summaryOf(templateObstacles.nothingToBoot(unbootable));
  const { firmware } = guest;
  if (firmware !== undefined && bootsItself(guest) && isOfOtherFirmware(firmware, boots?.firmware))
    return summaryOf(templateObstacles.otherFirmware(firmware, boots?.content ?? ''));
  if (ready.length > 0 && isShared(template)) return sharedStateOf(facts);
  if (ready.length > 0) return { state: 'ready', ...templateStates.available(ready.length, failures) };
  if (sealing !== undefined) return summaryOf(sealing);
  if (failures.length < holding.length) return summaryOf(templateObstacles.fetching(holding, failures));
  if (failures.length > 0) return summaryOf(templateObstacles.importFailed(failures));
  if (isPartial) return summaryOf(templateObstacles.hostsUnheard());
  const { appliance, build, flattened, upload } = template.spec.source;
  if ([appliance, build, flattened].some((source) => source !== undefined))
    return summaryOf(sealObstacles.lost());
  if (upload !== undefined) return summaryOf(templateObstacles.notUploaded(keyOf(template), upload.sha256));
  const hasCd = template.spec.guest.cd !== undefined;
  if (hasHosts) return summaryOf(templateObstacles.fetchingSoon());
  return summaryOf(
    isShared(template) ? templateObstacles.noSharedDirectory() : templateObstacles.noHosts(hasCd),
  );
}

/** One that is to be shared is Ready when a directory has it. While that is not possible, hosts copy it, and the message says why. */
function sharedStateOf({ copies, hasHosts }: StatusFacts): Summary {
  const { directories, ready, unshared } = copies;
  const failures = [...copies.failures, ...unshared];
  if (directories.length > 0)
    return { state: 'ready', ...templateStates.shared(directories, ready.length, failures) };
  if (!hasHosts) return summaryOf(templateObstacles.noSharedDirectory());
  if (unshared.length > 0) return { state: 'ready', ...templateStates.available(ready.length, failures) };
  return summaryOf(templateObstacles.sharing(ready));
}

/** Without a kernel from elsewhere, and without a boot loader that reads its file system. */
function bootsItself({ boot, xen }: StatusFacts['guest']): boolean {
  return boot === undefined && xen?.bootLoader === undefined;
}

/** A restart of the operator says nothing about a template: until the hosts were heard, what stands of it stays. */
function stands({ template: { status, metadata }, isPartial, position, blocker }: StatusFacts): boolean {
  const old = findCondition(status?.conditions, CONDITION_READY);
  const concernsHosts = blocker === undefined && 'depth' in position;
  return isPartial && concernsHosts && old?.observedGeneration === metadata.generation;
}

function latest(...times: readonly (string | undefined)[]): string | undefined {
  return times.filter((time) => time !== undefined).sort((a, b) => Date.parse(b) - Date.parse(a))[0];
}

/** How soon a difference between these two is worth a write. */
export function urgencyOf(old: Status | undefined, next: Status): Urgency {
  if (isSameJson(old, next)) return 'none';
  const ready = (status: Status | undefined) => {
    const condition = findCondition(status?.conditions, CONDITION_READY);
    return [condition?.status, condition?.reason, status?.observedGeneration];
  };
  return isSameJson(ready(old), ready(next)) ? 'soon' : 'now';
}
