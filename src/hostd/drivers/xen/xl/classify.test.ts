import { describe, expect, it } from 'vitest';
import {
  errorsIn,
  hypervisorProblem,
  isOutOfMemory,
  isTimeout,
  mayBeBackendTimeout,
  takenName,
} from './classify.ts';
import {
  BACKEND_AWAY,
  BACKEND_FAILED,
  MODEL_ENDED,
  NAME_TAKEN,
  NO_BRIDGE,
  NO_MEMORY,
  TIMEOUTS,
  WRONG_KERNEL,
} from './testing/recorded.ts';

const failures = { NO_MEMORY, WRONG_KERNEL, NO_BRIDGE, NAME_TAKEN, MODEL_ENDED, BACKEND_FAILED };

describe('the output of an xl that failed', () => {
  it.each(TIMEOUTS)('is a time-out: %s', (output) => {
    expect(isTimeout(output)).toBe(true);
    expect(mayBeBackendTimeout(output)).toBe(false);
  });

  it.each(Object.entries(failures))('is no time-out: %s', (_name, output) => {
    expect(isTimeout(output)).toBe(false);
    expect(mayBeBackendTimeout(output)).toBe(false);
  });

  it('may be a time-out when a back end did not come up and xl printed no code', () => {
    expect(isTimeout(BACKEND_AWAY)).toBe(false);
    expect(mayBeBackendTimeout(BACKEND_AWAY)).toBe(true);
    expect(mayBeBackendTimeout(`${BACKEND_AWAY} (exit code 1)`)).toBe(true);
    expect(mayBeBackendTimeout(`${BACKEND_AWAY.split('\n')[0]} (exit code 1)`)).toBe(true);
  });

  it('is recognised as a lack of memory, and nothing else is', () => {
    expect(Object.entries(failures).filter(([, output]) => isOutOfMemory(output))).toEqual([
      ['NO_MEMORY', NO_MEMORY],
    ]);
  });

  it('has the name that another domain has', () => {
    expect(takenName(NAME_TAKEN)).toBe('default.web-2.00000000');
    expect(takenName(NO_BRIDGE)).toBeUndefined();
  });

  it('is quoted without progress, and without messages that always come', () => {
    expect(errorsIn(NO_BRIDGE)).not.toContain('Primary console');
    expect(errorsIn(WRONG_KERNEL)).toBe(WRONG_KERNEL.split('\n').slice(1, 4).join('\n'));
    expect(errorsIn('Parsing config from a.cfg\n')).toBe('Parsing config from a.cfg');
  });

  it.each([
    [
      'HypervisorNotRunning',
      'xencall: error: Could not obtain handle on privileged command interface: No such file or directory\n' +
        'libxl: error: libxl.c:102:libxl_ctx_alloc: cannot open libxc handle: No such file or directory\ncannot init xl context',
    ],
    ['HypervisorNotRunning', "ERROR:  Can't find hypervisor information in sysfs!"],
    [
      'HypervisorNotAllowed',
      'xencall: error: Could not obtain handle on privileged command interface: Permission denied\n' +
        'libxl: error: libxl.c:102:libxl_ctx_alloc: cannot open libxc handle: Permission denied\ncannot init xl context',
    ],
    [
      'XenstoreSilent',
      'libxl: error: libxl.c:112:libxl_ctx_alloc: cannot connect to xenstore: No such file or directory\ncannot init xl context',
    ],
  ])('shows that no command can work: %s', (reason, output) => {
    expect(hypervisorProblem(output)?.reason).toBe(reason);
  });

  it('is otherwise a failure of that command', () => {
    for (const output of Object.values(failures)) expect(hypervisorProblem(output)).toBeUndefined();
  });
});
