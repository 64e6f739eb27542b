/** The embedded API server in a process of its own. */
import { startEmbedded } from '../../kubernetes/embedded.ts';
import { answerParent } from './parts.ts';

export interface ApiCalls {
  /** Resolves with the path of a kubeconfig. */
  start: () => Promise<string>;
}

let server: Awaited<ReturnType<typeof startEmbedded>> | undefined;

answerParent<ApiCalls>(
  {
    start: async () => {
      server = await startEmbedded();
      return server.kubeconfigPath;
    },
  },
  async () => {
    await server?.stop();
  },
);
