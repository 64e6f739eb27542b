import { InvalidArgumentError } from 'commander';
import {
  SERVICE_DEPLOYMENTS,
  type ServiceDeployment,
  VIRTUAL_APPLIANCES,
  type VirtualAppliance,
} from '../api/kinds.ts';
import { type KubeObject, keyOf, type ResourceRef } from '../base/object.ts';
import { isNotFound } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client/client.ts';

/** What the help says of an argument that names appliances. */
export const TARGET_HELP = 'NAME or va/NAME: an appliance; sd/NAME: the appliances of a task';

/** The same, of a command for one appliance. */
export const ONE_TARGET_HELP = 'NAME or va/NAME: an appliance; sd/NAME: the first appliance of a task';

/** What a user names: one appliance, or all appliances of a task. */
export type Target = { readonly kind: 'appliance' | 'task'; readonly name: string };

const PREFIXES: Readonly<Record<Target['kind'], readonly string[]>> = {
  appliance: prefixesOf(VIRTUAL_APPLIANCES, 'va'),
  task: prefixesOf(SERVICE_DEPLOYMENTS, 'sd'),
};
const OBJECT_NAME = /^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$/;

/** All names of a kind that kubectl takes before a slash. */
function prefixesOf({ group, plural, kind }: ResourceRef, short: string): readonly string[] {
  const names = [short, plural, kind.toLowerCase()];
  return [...names, ...names.slice(1).map((name) => `${name}.${group}`)];
}

/** Parser of `NAME`, `va/NAME` and `sd/NAME`, with the kind in any form that kubectl takes. */
export function parseTarget(text: string): Target {
  const slash = text.indexOf('/');
  const prefix = text.slice(0, Math.max(slash, 0)).toLowerCase();
  const name = text.slice(slash + 1);
  const kind = slash < 0 ? 'appliance' : kindOf(prefix);
  if (kind === undefined) {
    throw new InvalidArgumentError(
      `it must be NAME or va/NAME for an appliance, or sd/NAME for a task; '${prefix}' is neither kind (a namespace is named with -n)`,
    );
  }
  if (!OBJECT_NAME.test(name)) {
    throw new InvalidArgumentError(
      "a name has lower-case letters, digits, '-' and '.', such as va/hello-web-0",
    );
  }
  return { kind, name };
}

/** Parser of a list of targets. */
export function parseTargets(text: string, previous: readonly Target[] | undefined): readonly Target[] {
  return [...(previous ?? []), parseTarget(text)];
}

function kindOf(prefix: string): Target['kind'] | undefined {
  return (['appliance', 'task'] as const).find((kind) => PREFIXES[kind].includes(prefix));
}

/**
 * The appliances of a target, in the order of their names. Rejects with a 404 when there is no such appliance or task, and with
 * advice when a task has no appliances.
 */
async function appliancesOf(
  client: KubeClient,
  namespace: string,
  { kind, name }: Target,
): Promise<readonly VirtualAppliance[]> {
  if (kind === 'appliance') return [await client.get(VIRTUAL_APPLIANCES, { name, namespace })];
  const task = await client.get(SERVICE_DEPLOYMENTS, { name, namespace });
  const { items } = await client.list(VIRTUAL_APPLIANCES, { namespace });
  return items.filter((appliance) => isOwnedBy(appliance, task)).sort(byName);
}

/** Labels can be edited by anybody, so that the owner alone decides. */
function isOwnedBy({ metadata }: VirtualAppliance, task: ServiceDeployment): boolean {
  return (metadata.ownerReferences ?? []).some(({ uid }) => uid === task.metadata.uid);
}

function byName(left: KubeObject, right: KubeObject): number {
  return left.metadata.name < right.metadata.name ? -1 : 1;
}

/** The appliances of all targets, each once, and an error for each target that does not exist. */
export async function collectAppliances(
  client: KubeClient,
  namespace: string,
  targets: readonly Target[],
): Promise<{ readonly appliances: readonly VirtualAppliance[]; readonly missing: readonly Error[] }> {
  const found = new Map<string, VirtualAppliance>();
  const missing: Error[] = [];
  for (const target of targets) {
    try {
      for (const one of await appliancesOf(client, namespace, target)) found.set(keyOf(one), one);
    } catch (error) {
      if (!(error instanceof Error && isNotFound(error))) throw error;
      missing.push(error);
    }
  }
  return { appliances: [...found.values()], missing };
}

/**
 * The appliance of a command for one. Of a task with several it is the first, as kubectl takes the first pod of a Deployment, and
 * `tell` gets a sentence about it.
 */
export async function oneAppliance(
  client: KubeClient,
  namespace: string,
  target: Target,
  tell: (sentence: string) => void,
): Promise<VirtualAppliance> {
  const [first, ...others] = await someAppliances(client, namespace, target);
  if (others.length > 0) {
    tell(
      `Task ${namespace}/${target.name} has ${others.length + 1} appliances; this is va/${first.metadata.name}.`,
    );
  }
  return first;
}

/** As `appliancesOf`, but at least one. */
export async function someAppliances(
  client: KubeClient,
  namespace: string,
  target: Target,
): Promise<readonly [VirtualAppliance, ...VirtualAppliance[]]> {
  const [first, ...others] = await appliancesOf(client, namespace, target);
  if (first === undefined) {
    throw new Error(
      `task ${namespace}/${target.name} has no appliances: \`kubectl describe sd ${target.name} -n ${namespace}\` shows why`,
    );
  }
  return [first, ...others];
}
