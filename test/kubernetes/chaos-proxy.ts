import { connect, createServer, type Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

/** A TCP relay in front of an API server, with which a test breaks connections as networks do. */
export interface ChaosProxy {
  /** As the original, but through this proxy. */
  readonly kubeConfig: KubeConfig;
  /** Connections made so far. */
  readonly accepted: number;
  /** Connections open now. */
  readonly open: number;
  /** Of those, how many are frozen. */
  readonly frozen: number;
  /** Resets every connection. */
  reset(): void;
  /** Passes no more bytes on the connections that are open now, and keeps them open. New ones work. */
  freeze(): void;
  /** While true, new connections are reset at once. */
  refuse(isRefusing: boolean): void;
  close(): Promise<void>;
}

/** Starts a relay to the server of `original` on a free port. */
export async function startChaosProxy(original: KubeConfig): Promise<ChaosProxy> {
  const cluster = original.getCurrentCluster();
  if (cluster === null) {
    throw new Error('the kubeconfig has no cluster');
  }
  const { hostname, port } = new URL(cluster.server);
  const pairs = new Set<readonly [Socket, Socket]>();
  const frozen = new Set<readonly [Socket, Socket]>();
  let isRefusing = false;
  let accepted = 0;
  const server = createServer((near) => {
    accepted += 1;
    if (isRefusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(port), hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    join(near, far, () => {
      pairs.delete(pair);
      frozen.delete(pair);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') {
    throw new Error('the proxy has no port');
  }
  const reset = () => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    kubeConfig: through(original, address.port),
    get accepted() {
      return accepted;
    },
    get open() {
      return pairs.size;
    },
    get frozen() {
      return frozen.size;
    },
    reset,
    freeze: () => {
      for (const pair of pairs) {
        const [near, far] = pair;
        frozen.add(pair);
        near.unpipe(far).resume();
        far.unpipe(near).resume();
      }
    },
    refuse: (value) => {
      isRefusing = value;
    },
    close: () => {
      reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function join(near: Socket, far: Socket, onClosed: () => void): void {
  near.pipe(far);
  far.pipe(near);
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    // Errors are what this proxy is for; each ends the pair.
    socket.on('error', () => other.destroy());
    socket.on('close', () => {
      other.destroy();
      onClosed();
    });
  }
}

function through(original: KubeConfig, port: number): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(original.exportConfig());
  kubeConfig.clusters = kubeConfig.clusters.map((cluster) => ({
    ...cluster,
    server: `https://127.0.0.1:${port}`,
  }));
  return kubeConfig;
}
