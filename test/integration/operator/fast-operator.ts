/**
 * An operator with leader election in a process of its own, whose time passes faster than the machine's:
 * `node fast-operator.ts FACTOR KUBECONFIG CA CERTIFICATE KEY`, the latter four as files. SIGTERM ends it.
 */
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { pino } from 'pino';
import { runUntilSignal } from '../../../src/cli/run.ts';
import { loadKubeConfig } from '../../../src/main/kube-config.ts';
import { runOperator } from '../../../src/main/operator.ts';
import { fastClock } from '../../builders/fast-clock.ts';

const [factor, kubeconfig, ...files] = process.argv.slice(2);
const [ca = '', cert = '', key = ''] = files.map((file) => readFileSync(file, 'utf8'));
const log = pino({ level: 'fatal' });

// It is killed, and would not leave what it has compiled to the next.
flushCompileCache();

await runUntilSignal(log, (signal) =>
  runOperator({
    kubeConfig: loadKubeConfig(kubeconfig),
    hostTls: { ca, cert, key },
    leaderElection: { namespace: 'default' },
    clock: fastClock(Number(factor)),
    log,
    signal,
  }),
);
