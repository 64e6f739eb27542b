import type { ListrTask } from 'listr2';
import type { KubeClient } from '../kube/client/client.ts';
import { installedPath } from '../main/installation.ts';
import {
  apiIsReady,
  apiPart,
  applyHosts,
  bringUp,
  daemonIsReady,
  hostParts,
  hostsAreReady,
  operatorPart,
  type Platform,
  supervisorPart,
  supervisorWorks,
} from '../main/local/platform.ts';
import { applyMinimalTemplates, buildGuest } from '../main/local/template.ts';
import { allDone } from './steps.ts';

/** The steps that start a local Coppice, with progress. Each does only what is not done yet. */
export function platformSteps(platform: Platform, client: KubeClient, signal: AbortSignal): ListrTask[] {
  const { layout } = platform;
  const hosts = Object.keys(platform.settings.hosts);
  return [
    {
      title: `Build the guest image; start the API server on 127.0.0.1:${platform.settings.apiPort} and the host daemons ${hosts.join(', ')}`,
      task: async (_context, task) => {
        const progress = (line: string) => {
          task.output = line;
        };
        await allDone([
          buildGuest(layout, installedPath('scripts', 'guest'), progress, signal),
          bringUp(platform, apiPart(platform), () => apiIsReady(client), signal),
          ...hostParts(platform).map((part) =>
            bringUp(platform, part, () => daemonIsReady(platform, part.name), signal),
          ),
        ]);
      },
    },
    {
      title: 'Start the operator and the supervisor; create templates of the guest image',
      task: async (_context, task) => {
        await applyHosts(platform, client);
        await allDone([
          bringUp(platform, operatorPart(platform), () => hostsAreReady(client, hosts), signal),
          bringUp(platform, supervisorPart(platform), () => supervisorWorks(layout), signal),
          applyMinimalTemplates(layout, client).then((names) => {
            task.title = `Start the operator and the supervisor; create templates ${names.join(', ')}`;
          }),
        ]);
      },
    },
  ];
}
