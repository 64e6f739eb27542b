import { randomBytes } from 'node:crypto';

import { Command } from 'commander';
import { CONDITION_READY, findCondition } from '../../api/conditions.ts';
import { SERVICE_DEPLOYMENTS, type ServiceDeployment, TEMPLATES } from '../../api/kinds.ts';
import { sleep, systemClock } from '../../base/clock.ts';
import { deadlineIn, isOver } from '../../base/deadline.ts';
import type { ObjectName } from '../../base/object.ts';
import type { KubeClient } from '../../kube/client/client.ts';
import { type AnyClusterOptions, addAnyClusterOptions, withAnyCluster } from '../cluster.ts';
import { option, parseInteger } from '../options.ts';
import { interruption } from '../steps.ts';

type VerifyOptions = AnyClusterOptions & { readonly template?: string; readonly timeout: number };

const POLL_MS = 500;
/** Its services need only a package of one file. */
const CONTAINER = 'static-site';

/** `coppice verify`: checks that an installation works, with a small appliance. */
export function verifyCommand(): Command {
  const command = new Command('verify')
    .description(
      'check an installation: deploy a small appliance, wait until its service answers, and remove it',
    )
    .addOption(
      option(
        '--template <name>',
        `template with the container type ${CONTAINER}, in the operator's namespace (default: any such template)`,
        'COPPICE_VERIFY_TEMPLATE',
      ),
    )
    .addOption(
      option('--timeout <seconds>', 'give up after this time', 'COPPICE_VERIFY_TIMEOUT', 600).argParser(
        parseInteger(1, 86_400),
      ),
    )
    .addHelpText('after', '\nExample:\n  coppice verify -n coppice-system')
    .action((options: VerifyOptions) => withAnyCluster(options, (client) => verify(client, options)));
  return addAnyClusterOptions(command);
}

async function verify(client: KubeClient, options: VerifyOptions): Promise<void> {
  const signal = interruption(console.error, 'Interrupted: removing the appliance.');
  const { namespace } = options;
  const template = await templateFor(client, options);
  const name = { name: `coppice-verify-${randomBytes(3).toString('hex')}`, namespace };
  console.log(`Deploying ${name.name} from template ${namespace}/${template}`);
  try {
    await client.create(SERVICE_DEPLOYMENTS, smallest(name, template), { signal });
    const { status } = await untilReady(client, name, options.timeout, signal);
    const seconds = status?.prediction?.actualSeconds;
    console.log(`The service answers${seconds === undefined ? '' : ` after ${seconds} s`}.`);
  } finally {
    await client.delete(SERVICE_DEPLOYMENTS, name, { propagationPolicy: 'Background' });
    console.log(`Removing ${name.name}.`);
  }
}

async function templateFor(client: KubeClient, { namespace, template }: VerifyOptions): Promise<string> {
  const { items } = await client.list(TEMPLATES, { namespace });
  const fitting = items.filter(({ metadata, spec }) =>
    template === undefined ? spec.container?.type === CONTAINER : metadata.name === template,
  );
  const [first] = fitting;
  if (first !== undefined) return first.metadata.name;
  const what =
    template === undefined ? `template with the container type ${CONTAINER}` : `template ${template}`;
  throw new Error(`namespace ${namespace} has no ${what}: create one (see docs/helm.md), then try again`);
}

function smallest({ name, namespace }: ObjectName, template: string): ServiceDeployment {
  const service = {
    name: 'web',
    template: { name: template },
    package: { inline: { files: { 'index.html': 'It works.\n' } } },
    resources: { cpu: '100m', memory: '128Mi' },
  };
  // The API server fills in the rest.
  return {
    apiVersion: 'coppice.dev/v1alpha1',
    kind: 'ServiceDeployment',
    metadata: { name, namespace },
    spec: { services: [service] },
  } as unknown as ServiceDeployment;
}

async function untilReady(
  client: KubeClient,
  name: ObjectName,
  timeoutSeconds: number,
  signal: AbortSignal,
): Promise<ServiceDeployment> {
  const deadline = deadlineIn(systemClock, timeoutSeconds * 1000);
  for (let printed = ''; ; ) {
    const found = await client.get(SERVICE_DEPLOYMENTS, name, { signal });
    const ready = findCondition(found.status?.conditions, CONDITION_READY);
    if (ready?.status === 'True' && ready.observedGeneration === found.metadata.generation) return found;
    const message = ready?.message ?? 'waiting for the operator';
    if (message !== printed) console.log(message);
    printed = message;
    if (isOver(systemClock, deadline)) {
      throw new Error(`${name.name} does not answer after ${timeoutSeconds} s: ${message}`);
    }
    await sleep(systemClock, POLL_MS, signal);
  }
}
