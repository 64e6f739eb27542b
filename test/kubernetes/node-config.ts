import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CNI_PLUGINS } from './node-assets.ts';

/** Addresses of pods; the node is alone in its network. */
export const PODS = '10.88.0.0/24';

export interface NodeFiles {
  readonly containerd: string;
  readonly kubelet: string;
  readonly socket: string;
}

/** Writes what containerd, kubelet and the network plugins read. JSON is YAML. */
export async function writeNodeFiles(dir: string, clientCa: string, cgroupRoot: string): Promise<NodeFiles> {
  for (const folder of ['cni', 'run', 'kubelet']) await mkdir(join(dir, folder), { recursive: true });
  const files = {
    containerd: join(dir, 'containerd.toml'),
    kubelet: join(dir, 'kubelet.yaml'),
    socket: join(dir, 'run/containerd.sock'),
  };
  await writeFile(join(dir, 'cni/10-bridge.conflist'), JSON.stringify(podNetwork()));
  await writeFile(files.containerd, containerdConfig(dir, files.socket));
  await writeFile(files.kubelet, JSON.stringify(kubeletConfig(files.socket, clientCa, cgroupRoot)));
  return files;
}

function podNetwork(): object {
  const ipam = { type: 'host-local', ranges: [[{ subnet: PODS }]], routes: [{ dst: '0.0.0.0/0' }] };
  const bridge = { type: 'bridge', bridge: 'cni0', isGateway: true, hairpinMode: true, ipam };
  const portmap = { type: 'portmap', capabilities: { portMappings: true } };
  return { cniVersion: '1.0.0', name: 'pods', plugins: [bridge, portmap] };
}

/**
 * restrict_oom_score_adj: without CAP_SYS_RESOURCE nobody may lower a process's score, and runc fails with a bare EOF.
 * The pods' network namespaces lie in the test's folder, so that they can be distinguished from those of others.
 */
function containerdConfig(dir: string, socket: string): string {
  return `version = 3
root = "${dir}/containerd"
state = "${dir}/run/containerd"
[grpc]
  address = "${socket}"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "localhost/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["${CNI_PLUGINS}"]
    conf_dir = "${dir}/cni"
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`;
}

function kubeletConfig(socket: string, clientCAFile: string, cgroupRoot: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    // Another node on this machine would take our pods' groups for orphans, and end them.
    cgroupRoot,
    // For machines that still have version 1.
    failCgroupV1: false,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    evictionHard: { 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
  };
}
