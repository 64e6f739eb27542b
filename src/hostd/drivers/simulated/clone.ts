import type { GuestExecResult } from '../../guest/guest.ts';

/** Identity of a simulated guest whose memory was another one's; see `guest/clone`. The order is that of the scripts' arguments. */
export type SimulatedIdentity = { readonly uuid: string; readonly hostname: string; readonly mac: string };

export function identityFrom(values: readonly string[]): SimulatedIdentity {
  const [uuid = '', , hostname = '', mac = ''] = values;
  return { uuid, hostname, mac };
}

/** Answers the question whether the guest has its identity. */
export function lookAtClone(bootId: string, uuid: string, taken: string | undefined): GuestExecResult {
  const whole = taken !== undefined && JSON.parse(taken).uuid === uuid ? 'whole\n' : '';
  return { exitCode: 0, stdout: `${bootId} ${uuid}\n0.00\n${whole}`, stderr: '' };
}

/** What the guest says of its identity; that of the files which it does not have is left out. */
export function readClone(bootId: string, taken: string | undefined, seconds: number): GuestExecResult {
  if (taken === undefined) return { exitCode: 1, stdout: '', stderr: 'it has no identity' };
  const { uuid, hostname, mac } = JSON.parse(taken) as SimulatedIdentity;
  const lines = [
    ...[`hostname ${hostname}`, `hostname-file ${hostname}`, `boot ${bootId}`, `mac ${mac}`, 'reseeded yes'],
    ...[`taking ${uuid}`, `identity-uuid ${uuid}`, `identity-boot ${bootId}`, `time ${seconds}`],
  ];
  return { exitCode: 0, stdout: lines.join('\n'), stderr: '' };
}
