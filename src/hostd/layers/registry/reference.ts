import { hostErrors } from '../../errors/index.ts';

/** Where a container image is. Its digest stands beside its address, and says more than a tag. */
export type ImageReference = {
  /** `https://quay.io` */
  readonly registry: string;
  /** `containerdisks/debian` */
  readonly repository: string;
  readonly tag: string;
};

const SCHEME = 'docker://';
const REFERENCE =
  /^docker:\/\/([A-Za-z0-9.-]+(?::[0-9]{1,5})?)\/([a-z0-9][-a-z0-9._]*(?:\/[a-z0-9][-a-z0-9._]*)*)(?::([A-Za-z0-9_][-A-Za-z0-9._]*))?$/;
/** Docker Hub's name is not its server's. */
const DOCKER_HUB = { name: 'docker.io', server: 'registry-1.docker.io' } as const;
/** As other programs do: a registry on the machine itself is not asked for a certificate. */
const LOOPBACK = /^(?:localhost|127\.[0-9.]+)(?::|$)/;

export function isContainerImage(url: string): boolean {
  return url.startsWith(SCHEME);
}

/** Reads `docker://registry/repository[:tag]`. Throws `SourceUnsupported` for what is not of this form. */
export function readReference(url: string): ImageReference {
  const [, host = '', repository, tag = 'latest'] = REFERENCE.exec(url) ?? [];
  if (repository === undefined) throw hostErrors.sourceUnsupported(url);
  const server = host === DOCKER_HUB.name ? DOCKER_HUB.server : host;
  return { registry: `${LOOPBACK.test(host) ? 'http' : 'https'}://${server}`, repository, tag };
}
