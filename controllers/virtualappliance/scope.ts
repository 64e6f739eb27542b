import type { VirtualAppliance } from '../../src/api/kinds.ts';
import type { WholeTemplate } from '../../src/domain/templates/inherit.ts';
import type {
  DesiredAppliance,
  DesiredBuild,
  DesiredPackage,
  LayerIdentity,
} from '../../src/host/protocol.ts';
import type { TransientError } from '../../src/kube/controller/errors.ts';
import type { OperatorContext } from '../context.ts';
import type { PutLedger } from '../daemons/put-ledger.ts';
import type { HostView } from '../daemons/view.ts';
import type { Obstacle } from '../obstacles/obstacle.ts';
import type { ExhaustedPools } from './exhausted-pools.ts';

/** The address of an appliance and what belongs to it, as in its status. */
export type GivenNetwork = NonNullable<NonNullable<VirtualAppliance['status']>['network']>;

/** A package that is read from the API server only when it has to be sent to a host, and is not kept afterwards. */
export interface LatePackage {
  /** The version of the ConfigMap in the cache; the one that is read may be newer. */
  readonly version: string;
  /** @throws WaitingError ConfigMapNotFound, StalledError PackageTooLarge or PackageEmpty, RetryError ConfigMapRefused */
  read(signal: AbortSignal): Promise<{ readonly version: string; readonly value: DesiredPackage }>;
}

/** S, the package: by value, or how to read it; an appliance without a package has neither. */
export interface ServicePackage {
  readonly value?: DesiredPackage;
  readonly late?: LatePackage;
}

/** The build of a template. Contents of ConfigMaps and Secrets are read only when they have to be sent to a host. */
export interface BuildRequest {
  /** @throws WaitingError BuildInputNotFound, StalledError BuildInputChanged */
  read(signal: AbortSignal): Promise<DesiredBuild>;
}

/** The request to an appliance's host, layers first. */
export interface DesiredState {
  readonly layers: readonly LayerIdentity[];
  readonly appliance: DesiredAppliance;
}

/** What one reconcile of an appliance works with. Each phase adds what it finds; later phases use it. */
export interface Scope {
  readonly context: OperatorContext;
  /** The state of the appliance's host; undefined for a host that the operator does not follow. */
  readonly view: HostView | undefined;
  readonly ledger: PutLedger;
  readonly exhausted: ExhaustedPools;
  readonly signal: AbortSignal;
  /** The appliance as the API server has it; assigning an address changes it. */
  appliance: VirtualAppliance;
  template?: WholeTemplate;
  build?: BuildRequest;
  servicePackage?: ServicePackage;
  network?: GivenNetwork;
  desired?: DesiredState;
}

/** What a phase came to. */
export type PhaseResult =
  /** The next phase may run. */
  | { readonly type: 'done' }
  /** The host does not answer. Its return brings the appliance back, and nobody has to do anything. */
  | { readonly type: 'away' }
  /** Something else must happen first, or a person must act: the conditions say what. */
  | { readonly type: 'blocked'; readonly obstacle: Obstacle }
  /** An attempt failed. It is repeated after the status is written; the conditions show the obstacle, if it is known. */
  | { readonly type: 'retry'; readonly error: TransientError; readonly obstacle: Obstacle | undefined };

/** One step towards a VM as the spec asks for; without effect if it was done before. It may throw what obstacleOf knows. */
export type Phase = (scope: Scope) => PhaseResult | Promise<PhaseResult>;

export const phaseDone: PhaseResult = { type: 'done' };

export function blocked(obstacle: Obstacle): PhaseResult {
  return { type: 'blocked', obstacle };
}

/** What an earlier phase found. */
export function found<Key extends 'template' | 'servicePackage' | 'desired'>(
  scope: Scope,
  key: Key,
): NonNullable<Scope[Key]> {
  const value = scope[key];
  if (value === undefined) throw new Error(`${key} is needed before the phase that finds it has run`);
  return value as NonNullable<Scope[Key]>;
}
