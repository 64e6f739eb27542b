import { join } from 'node:path';
import {
  findCompanion,
  findInPath,
  findKubernetesPrograms,
  isExecutable,
  NoKubernetesError,
} from './assets.ts';

/** What a node and its charts need besides Kubernetes itself. */
const PROGRAMS = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'helm'] as const;
/** Of Kubernetes: envtest's folder has none of these. */
const OF_KUBERNETES = ['kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet', 'kubectl'];
/** Debian's, with the packages that have them: see the table in scripts/bootstrap.sh. */
const INSTALLED = ['runc', 'nft', 'iptables', 'conntrack', 'busybox', 'ip', 'nsenter'];
/** Debian's plugins for the pods' network. */
export const CNI_PLUGINS = '/usr/lib/cni';

export type ClusterPrograms =
  | {
      /** Folder with the programs of Kubernetes. */
      readonly kubernetes: string;
      readonly busybox: string;
      /** The paths of the others. */
      readonly programs: Readonly<Record<(typeof PROGRAMS)[number], string>>;
    }
  | { readonly missing: string };

/** What a whole cluster needs, or what is missing for one; in CI it throws instead of the latter. */
export async function lookForCluster(env: NodeJS.ProcessEnv = process.env): Promise<ClusterPrograms> {
  const found = await find(env);
  // In CI a suite that silently tests nothing would be worse than one that fails.
  if ('missing' in found && env.CI) throw new Error(found.missing);
  return found;
}

async function find(env: NodeJS.ProcessEnv): Promise<ClusterPrograms> {
  if (process.getuid?.() !== 0) return { missing: 'a node needs root: run the tests as root' };
  if (process.arch !== 'x64')
    return { missing: `the guest is x86-64 only, and this machine is ${process.arch}` };
  for (const name of INSTALLED) {
    if ((await findInPath(name, env)) === undefined) {
      return { missing: `no ${name}: \`sh scripts/bootstrap.sh deps test\` installs it on Debian` };
    }
  }
  if (!(await isExecutable(join(CNI_PLUGINS, 'bridge')))) {
    return {
      missing: `no ${CNI_PLUGINS}/bridge: \`sh scripts/bootstrap.sh deps test\` installs it on Debian`,
    };
  }
  try {
    const kubernetes = await findKubernetesPrograms(env);
    for (const name of OF_KUBERNETES) {
      if (!(await isExecutable(join(kubernetes, name)))) return { missing: howToGet(name) };
    }
    const programs: Partial<Record<(typeof PROGRAMS)[number], string>> = {};
    for (const name of PROGRAMS) {
      const path = await findCompanion(name, env);
      if (path === undefined) return { missing: howToGet(name) };
      programs[name] = path;
    }
    const busybox = (await findInPath('busybox', env)) ?? '';
    return { kubernetes, busybox, programs: programs as Record<(typeof PROGRAMS)[number], string> };
  } catch (error) {
    if (error instanceof NoKubernetesError) return { missing: error.message };
    throw error;
  }
}

function howToGet(name: string): string {
  return `no ${name}: put it into the folder that KUBEBUILDER_ASSETS names, or into the PATH`;
}
