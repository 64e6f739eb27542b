import { describe, expect, it } from 'vitest';
import { aHostReport, aView } from '../../test/builders/reports.ts';
import { acceptsAppliances, graceLeft, isLost, readinessOf } from './readiness.ts';
import type { HostView } from './view.ts';

const problem = { reason: 'HostUnreachable', message: 'connection refused' };
const broken = (since: number) => aView({ link: { state: 'broken', since, problem } });
const withDriverProblem = aView({
  status: aHostReport({
    driver: {
      name: 'qemu',
      version: '',
      accelerator: 'none',
      capabilities: [],
      problem: { reason: 'HypervisorMissing', message: 'QEMU is not installed' },
    },
  }),
});
const withProblem = (reason: string) =>
  aView({ status: aHostReport({ problems: [{ reason, message: 'the disk is nearly full' }] }) });

const tooOld = () => {
  const { imports: _, ...status } = aHostReport({ daemonVersion: '1.2' });
  return aView({ status });
};

describe('the readiness of a host', () => {
  const cases: [string, HostView | undefined, string, string, boolean][] = [
    ['has no connection yet', undefined, 'Unknown', 'Connecting', false],
    [
      'is being connected to',
      aView({ link: { state: 'connecting', since: 0 } }),
      'Unknown',
      'Connecting',
      false,
    ],
    ['answers', aView(), 'True', 'HostReady', true],
    ['stopped answering a moment ago', broken(90), 'True', 'HostReady', false],
    ['has not answered for long', broken(0), 'False', 'HostUnreachable', false],
    ['has a daemon that does not tell of imports', tooOld(), 'False', 'DaemonTooOld', false],
    ['has no hypervisor', withDriverProblem, 'False', 'HypervisorMissing', false],
    ['has little disk space left', withProblem('DiskPressure'), 'True', 'DiskPressure', true],
  ];
  it.each(cases)('that %s', (_name, view, status, reason, accepts) => {
    expect(readinessOf('host-a', view, 100, 50)).toMatchObject({ status, reason });
    expect(acceptsAppliances(view)).toBe(accepts);
  });

  it('names problems in its message', () => {
    expect(readinessOf('host-a', withProblem('DiskPressure'), 100, 50).message).toContain(
      'the disk is nearly full',
    );
  });

  it('names the version of a daemon that is too old', () => {
    expect(readinessOf('host-a', tooOld(), 100, 50).message).toContain('host host-a (1.2)');
  });

  it('is lost when the grace period is over, and not before', () => {
    expect(graceLeft(broken(90), 100, 50)).toBe(40);
    expect(isLost(broken(90), 100, 50)).toBe(false);
    expect(graceLeft(broken(0), 100, 50)).toBeUndefined();
    expect(isLost(broken(0), 100, 50)).toBe(true);
    expect(isLost(aView(), 100, 50)).toBe(false);
  });
});
