import { HostError, messageOf } from './host-error.ts';

/** Errors of layers that go from host to host. */
export const transferErrors = {
  transfersBusy: (waitedMs: number) =>
    new HostError(
      'Busy',
      `this host sends layers to others and had no turn within ${waitedMs / 1000} s: ask again, or ask another host`,
      { status: 503 },
    ),
  certificateNotForClients: () =>
    new HostError(
      'CertificateNotForClients',
      "this host's certificate is for servers only, so no other host gives it a layer: replace it by one that is for clients, too " +
        '(extended key usage clientAuth, or none at all)',
      { kind: 'stalled' },
    ),
  peerUnreachable: (host: string, url: string, cause: unknown) =>
    new HostError(
      'PeerUnreachable',
      `host ${host} does not answer at ${url}: ${messageOf(cause)}; check that its daemon runs, that this host reaches that address, and ` +
        'that the certificates of both are by the authority that each trusts',
      { cause },
    ),
  peerHasNotLayer: (host: string, identity: string) =>
    new HostError(
      'PeerHasNotLayer',
      `host ${host} has not layer ${identity}, or was not told yet that this host may read it: the daemon asks again`,
    ),
  peerRefuses: (host: string, status: number, message: string) =>
    new HostError(
      'PeerRefuses',
      `host ${host} refuses to give a layer (HTTP status ${status}): ${message}; if its daemon is of an older release, upgrade it`,
    ),
  peerBusy: (host: string) =>
    new HostError(
      'PeerBusy',
      `host ${host} sends layers to others: the daemon asks again when it had its turn`,
    ),
  peerEndedEarly: (host: string, received: number, expected: number, cause: unknown) =>
    new HostError(
      'PeerEndedEarly',
      `host ${host} ended its answer after ${received} of ${expected} bytes (${messageOf(cause)}); the daemon continues from there`,
      { cause },
    ),
  peerSilent: (host: string, silentMs: number) =>
    new HostError(
      'PeerSilent',
      `host ${host} was silent for ${silentMs / 1000} s in the middle of an answer: check its load and the network; the daemon ` +
        'continues from there',
    ),
  peerSlow: (host: string, bytesPerSecond: number) =>
    new HostError(
      'PeerSlow',
      `host ${host} gives less than ${bytesPerSecond} bytes a second, and another host is asked: check its load and the network`,
    ),
  peerWrongManifest: (host: string, identity: string, problem: string) =>
    new HostError(
      'PeerWrongContent',
      `host ${host} gave something as layer ${identity} that is not that layer (${problem}), and nothing of it is used: check that ` +
        "host's disk, and delete its copy of the layer",
    ),
  peerWrongChunk: (host: string, identity: string, chunk: number) =>
    new HostError(
      'PeerWrongContent',
      `host ${host} gave wrong bytes as chunk ${chunk} of layer ${identity}, and they are not used: check that host's disk, and delete ` +
        'its copy of the layer',
    ),
  noPeerGives: (identity: string, problems: readonly string[]) =>
    new HostError(
      'NoPeerGivesLayer',
      problems.length === 0
        ? `no host is known from which layer ${identity} can be read: it continues when one has it`
        : `layer ${identity} cannot be read from any of ${problems.length} hosts: ${problems.join('; ')}`,
    ),
  parentNotHere: (identity: string, parent: string) =>
    new HostError(
      'LayerMissing',
      `layer ${identity} is a difference to layer ${parent}, which this host has not: it continues when it has it`,
    ),
};
