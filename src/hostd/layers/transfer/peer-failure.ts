import { type HostError, toHostError } from '../../errors/index.ts';

/** A host that may have a layer. */
export type Peer = {
  /** Name of the Host. Its daemon's certificate must be for it. */
  readonly host: string;
  /** Of its daemon: `https://address:port`. */
  readonly url: string;
};

/** What went wrong with a peer. Whatever else is thrown while a layer is received is of this host. */
export class PeerFailure extends Error {
  readonly peer: Peer;
  readonly problem: HostError;

  constructor(peer: Peer, problem: unknown) {
    super(`host ${peer.host} failed`, { cause: problem });
    this.peer = peer;
    this.problem = toHostError(problem);
  }

  /** Whether it only has no time now. */
  get isBusy(): boolean {
    return this.problem.reason === 'PeerBusy';
  }
}
