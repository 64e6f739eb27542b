import type { KubeObject } from '../types.ts';

/**
 * The ConfigMap in which an API server says whom its extensions may believe: certificates of users by one authority, and requests
 * that it passes on itself by the other.
 * @param clientCa PEM
 * @param frontProxyCa PEM; undefined when it passes nothing on
 */
export function trustConfigMap(clientCa: string, frontProxyCa: string | undefined): KubeObject {
  const list = (...items: readonly string[]) => JSON.stringify(items);
  const frontProxy = frontProxyCa === undefined ? {} : { 'requestheader-client-ca-file': frontProxyCa };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'kube-system', name: 'extension-apiserver-authentication' },
    data: {
      'client-ca-file': clientCa,
      ...frontProxy,
      'requestheader-allowed-names': list('front-proxy'),
      'requestheader-extra-headers-prefix': list('X-Remote-Extra-'),
      'requestheader-group-headers': list('X-Remote-Group'),
      'requestheader-uid-headers': list('X-Remote-Uid'),
      'requestheader-username-headers': list('X-Remote-User'),
    },
  } as KubeObject;
}
