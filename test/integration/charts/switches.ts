/** Values that turn on each part of the chart coppice that is there to be turned on, off, or otherwise. */
export const SWITCHES: Readonly<Record<string, object>> = {
  'nothing said': {},
  'one replica': { operator: { replicas: 1 } },
  'no disruption budget': { operator: { podDisruptionBudget: { enabled: false } } },
  'a network policy': {
    networkPolicy: { enabled: true, metricsFrom: [{ namespaceSelector: {} }], hostPorts: [7500] },
  },
  'the daemon on nodes': { hostDaemon: { enabled: true } },
  'the daemon with all that it may have': {
    hostDaemon: {
      enabled: true,
      bridge: 'br0',
      cpu: '4',
      memory: '8Gi',
      fileRoots: ['/srv/images', '/srv/packages'],
      sharedDirectory: '/srv/shared',
      operatorUrl: 'https://operator.example:8443',
      tolerations: [{ operator: 'Exists' }],
      podLabels: { a: 'b' },
      podAnnotations: { a: 'b' },
    },
  },
  'a port of nodes for joining': { join: { service: { type: 'NodePort', nodePort: 30_443 } } },
  'a load balancer for joining': {
    join: {
      service: { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.0.0.0/8'], annotations: { a: 'b' } },
    },
  },
  'no streams': { streams: { enabled: false } },
  'no roles': { rbac: { create: false }, uninstall: { removeEverything: true } },
  'Secrets of two namespaces': { rbac: { secretNamespaces: ['default', 'kube-public'] } },
  'an account of others': { operator: { serviceAccount: { create: false, name: 'default' } } },
  'an uninstall that removes everything': { uninstall: { removeEverything: true } },
  'an operator with all that it may have': {
    imagePullSecrets: [{ name: 'registry' }],
    operator: {
      podLabels: { a: 'b' },
      podAnnotations: { a: 'b' },
      nodeSelector: { a: 'b' },
      tolerations: [{ operator: 'Exists' }],
      affinity: { nodeAffinity: {} },
      priorityClassName: 'system-cluster-critical',
      serviceAccount: { annotations: { a: 'b' } },
    },
  },
};
