import { defineConfig } from 'vitest/config';

/**
 * Five suites: `unit` stands beside the code and starts nothing outside its process; `integration` starts our
 * own servers (embedded API, daemon with the simulated driver); `e2e` boots real VMs and calls the real CLI; `gitops` runs Flux's
 * own controllers against us; `xen` boots a dom0 with a real Xen, and VMs in it.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'controllers/**/*.test.ts', 'scripts/**/*.test.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'gitops',
          include: ['test/gitops/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'xen',
          // After all others: dom0 takes the whole machine, and libxl's own time-outs do not wait for a busy one.
          sequence: { groupOrder: 1 },
          include: ['test/xen/**/*.test.ts'],
          testTimeout: 900_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
