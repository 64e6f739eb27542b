/** The operator in a process of its own, as `coppice operator` runs it, that also tells how much memory it needs. */
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { loadKubeConfig } from '../../../src/main/kube-config.ts';
import { type Operator, runOperator } from '../../../src/main/operator.ts';
import type { Fleet } from './fleet-process.ts';
import { answerParent } from './parts.ts';

export interface OperatorCalls {
  /** Resolves with the address of its metrics. */
  start: (plan: { kubeconfigPath: string; hostTls: Fleet['operatorTls'] }) => Promise<string>;
  /** Bytes in use after a collection of garbage, and resident. */
  memory: () => Promise<{ usedBytes: number; residentBytes: number }>;
}

let operator: Operator | undefined;

answerParent<OperatorCalls>(
  {
    start: async ({ kubeconfigPath, hostTls }) => {
      operator = await runOperator({
        kubeConfig: loadKubeConfig(kubeconfigPath),
        hostTls,
        metricsListen: { host: '127.0.0.1', port: 0 },
        log: pino({ level: process.env.COPPICE_LOG_LEVEL ?? 'fatal' }, pino.destination(2)),
        signal: new AbortController().signal,
      });
      return operator.metricsUrl ?? '';
    },
    memory: async () => {
      // What a first collection lets go of may hold on to more.
      for (let round = 0; round < 3; round++) {
        globalThis.gc?.();
        await delay(50);
      }
      const { heapUsed, external, rss } = process.memoryUsage();
      return { usedBytes: heapUsed + external, residentBytes: rss };
    },
  },
  async () => {
    await operator?.close();
  },
);
