import { TEMPLATES, type Template, VIRTUAL_APPLIANCES, type VirtualAppliance } from '../../src/api/kinds.ts';
import { controllerOf, parseKey } from '../../src/base/object.ts';
import { isAlreadyExists } from '../../src/kube/api-error.ts';
import type { KubeClient } from '../../src/kube/client/client.ts';
import type { BuildInput } from '../objects/build-inputs.ts';
import { buildApplianceName, parentKey } from '../objects/template-references.ts';

/** What is built: fixed when the appliance is made. */
interface Build {
  readonly key: string;
  readonly inputs: readonly BuildInput[];
}

/**
 * Makes the appliance in which a template is built; the template owns it. Resolves with the one that is there if a cache that lags behind
 * does not show it, and with undefined when somebody else's has the name.
 */
export async function createBuildAppliance(
  client: Pick<KubeClient, 'create' | 'find'>,
  template: Template,
  build: Build,
  signal: AbortSignal,
): Promise<VirtualAppliance | undefined> {
  const appliance = buildAppliance(template, build);
  try {
    return await client.create(VIRTUAL_APPLIANCES, appliance, { signal });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
  const { name, namespace } = appliance.metadata;
  const found = await client.find(VIRTUAL_APPLIANCES, { name, namespace }, { signal });
  return found !== undefined && isOwn(found, template) ? found : undefined;
}

function buildAppliance(template: Template, { key, inputs }: Build): VirtualAppliance {
  const { build } = template.spec.source;
  const { name, namespace, uid } = template.metadata;
  const parent = parseKey(parentKey(template) ?? '');
  const { resources, diskSize, network } = build ?? {};
  const owner = {
    apiVersion: `${TEMPLATES.group}/${TEMPLATES.version}`,
    kind: TEMPLATES.kind,
    name,
    uid,
    controller: true,
  };
  const made = {
    apiVersion: `${VIRTUAL_APPLIANCES.group}/${VIRTUAL_APPLIANCES.version}`,
    kind: VIRTUAL_APPLIANCES.kind,
    metadata: { name: buildApplianceName(name), namespace, ownerReferences: [owner] },
    spec: {
      template: { name: parent.name, namespace: parent.namespace },
      resources,
      build: { template: name, key, inputs: inputs.map(({ step, version }) => ({ step, version })) },
      ...(diskSize === undefined ? {} : { disk: { size: diskSize } }),
      ...(network === undefined ? {} : { network }),
    },
  };
  // The API server fills in the rest.
  return made as unknown as VirtualAppliance;
}

/** Whether the appliance is the one in which the template is built. */
export function isOwn(appliance: VirtualAppliance, { metadata }: Template): boolean {
  return controllerOf(appliance)?.uid === metadata.uid && appliance.spec.build?.template === metadata.name;
}
