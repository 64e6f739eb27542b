import { homedir } from 'node:os';
import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { lookForKubernetes } from './test/kubernetes/assets.ts';
import { LongestFirst } from './test/longest-first.ts';

/** What of the integration suite runs a second time, on a real kube-apiserver: all that gets its API from test/kubernetes/factory.ts. */
const ON_BOTH_SERVERS = ['test/integration/kube/**/*.test.ts', 'test/integration/operator/**/*.test.ts'];
/**
 * What of it cannot differ between them. In most, a proxy in front of the server breaks connections or answers in its place, and what is
 * tested is what our client and the operator make of that. not-supported compares our list with the rules of crds/, whose answers
 * differential-generated.test.ts compares; in shared-templates daemons share a directory, of which the server has a word in a spec. The others
 * are about what our controllers decide, with no request that those that run on both servers do not make, too.
 */
const ON_EMBEDDED_ALONE = [
  'test/integration/kube/not-supported.test.ts',
  'test/integration/kube/reconnects.test.ts',
  'test/integration/operator/addresses.test.ts',
  'test/integration/operator/faulty-answers.test.ts',
  'test/integration/operator/half-open.test.ts',
  'test/integration/operator/labels.test.ts',
  'test/integration/operator/recall.test.ts',
  'test/integration/operator/recall-kills.test.ts',
  'test/integration/operator/obstacles.test.ts',
  'test/integration/operator/reconnects.test.ts',
  'test/integration/operator/restarts.test.ts',
  'test/integration/operator/rollout.test.ts',
  'test/integration/operator/shared-templates.test.ts',
  'test/integration/operator/stopped.test.ts',
  'test/integration/operator/template-life.test.ts',
  'test/integration/operator/template-obstacles.test.ts',
  'test/integration/operator/templates.test.ts',
  'test/integration/operator/unusable-api.test.ts',
  'test/integration/operator/uploads.test.ts',
  'test/integration/operator/user-data.test.ts',
];
/**
 * Slow ones that rest on a server's answers to writes at once, and to values that it has to judge. differential.test.ts and
 * differential-generated.test.ts hold ours against the real one.
 */
const ON_KUBERNETES_WHERE_THERE_IS_ONE = [
  'kube/amounts',
  'kube/examples',
  'operator/address-races',
  'operator/election',
  'operator/faults',
  'operator/leaders',
].map((name) => `test/integration/${name}.test.ts`);
/** What only a real one can tell. */
const ON_KUBERNETES = ['charts', 'enrolment', 'permissions'].map((name) => `test/kubernetes/${name}.test.ts`);

/**
 * Each test file runs in a process of its own, and starts more: half of such a start is compiling what the one before compiled, too.
 * The cache is that of the command line (src/cli/main.ts).
 */
const caches = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
process.env.NODE_COMPILE_CACHE ??= join(caches, 'coppice', 'compiled');
/** Kubernetes' programs, and other programs in Go: there is more memory than processors to collect garbage with. */
process.env.GOGC ??= '400';

const hasKubernetes = 'folder' in (await lookForKubernetes());

/**
 * One group after the other (0 is not the first: vitest puts it last), since all projects of a group share its workers: those that
 * wait for half of their time, four files at once even on two cores; those that boot VMs, where a third file uses what two leave of two
 * cores, a fifth; and last Xen, whose own time-outs do not wait for a busy machine.
 */
const TOGETHER = { maxWorkers: 4, sequence: { groupOrder: 1 } };
const BOOTING = { maxWorkers: 3, sequence: { groupOrder: 2 } };
const LAST = { maxWorkers: 2, sequence: { groupOrder: 3 } };

/**
 * Seven suites: `unit` stands beside the code and starts nothing outside its process; `integration` starts our
 * own servers (embedded API, daemon with the simulated driver); `kubernetes` is what of it runs unchanged on a real
 * kube-apiserver, too; `e2e` boots real VMs and calls the real CLI; `gitops` runs Flux's own controllers against us; `cluster`
 * installs the charts on a real cluster with a node; `xen` boots a dom0 with a real Xen, and VMs in it.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          // They start nothing, and the next need not load again what the one before it has: half of their time.
          isolate: false,
          ...TOGETHER,
          include: ['src/**/*.test.ts', 'controllers/**/*.test.ts', 'scripts/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'integration',
          ...TOGETHER,
          include: ['test/integration/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...(hasKubernetes ? ON_KUBERNETES_WHERE_THERE_IS_ONE : [])],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'kubernetes',
          ...TOGETHER,
          include: hasKubernetes
            ? [...ON_BOTH_SERVERS, ...ON_KUBERNETES]
            : ['test/kubernetes/missing.test.ts'],
          exclude: [...configDefaults.exclude, ...ON_EMBEDDED_ALONE],
          env: { COPPICE_TEST_API: 'kube-apiserver' },
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'cluster',
          ...BOOTING,
          include: ['test/cluster/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'e2e',
          ...BOOTING,
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 600_000,
        },
      },
      {
        test: {
          name: 'gitops',
          ...TOGETHER,
          include: ['test/gitops/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: 'xen',
          ...LAST,
          // Programs in an emulated dom0 die at random, if rarely; the report says which test was tried again.
          retry: 1,
          include: ['test/xen/**/*.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
        },
      },
    ],
  },
});
