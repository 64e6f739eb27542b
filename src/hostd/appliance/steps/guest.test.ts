import { spawnSync } from 'node:child_process';
import { beforeEach, describe, expect, it } from 'vitest';
import { runToEnd } from '../../../base/testing/run-to-end.ts';
import type { GuestAction } from '../../../domain/services/types.ts';
import type { DesiredService } from '../../../host/protocol.ts';
import { hostErrors } from '../../errors/index.ts';
import { createAgentWork } from '../../guest/agent-work.ts';
import type { Guest, GuestExecResult } from '../../guest/guest.ts';
import { INSTALLED_PATH, READ_INSTALLED } from '../../guest/installed.ts';
import type { Step } from '../pass.ts';
import { askProbe } from '../probe.ts';
import type { HostServices, Scope } from '../scope.ts';
import { RunnerBed } from '../testing/runner-bed.ts';
import { configureStep, installStep, serviceStep } from './guest.ts';

const never = new AbortController().signal;

function serviceOf(text: string): DesiredService {
  return {
    name: 'web',
    container: { type: 'command', port: 80 },
    package: { kind: 'files', files: { run: Buffer.from(text).toString('base64') } },
    parameters: { command: ['./run'] },
  };
}

/** A guest whose file system is this, and whose service answers or has ended as this says. */
class GuestBed {
  readonly bed = new RunnerBed();
  readonly actions: string[] = [];
  installed = '';
  answers = false;
  /** What the guest's programs do. */
  program: (argv: readonly string[]) => Partial<GuestExecResult> = () => ({});
  /** The title of the action that fails. */
  failing = '';

  readonly #guest = {
    exec: async (argv: readonly string[]) => ({
      ...{ exitCode: 0, stdout: '', stderr: '' },
      ...(argv[3] === READ_INSTALLED ? { stdout: `boot\n${this.installed}` } : this.program(argv)),
    }),
    writeFile: async (path: string, content: AsyncIterable<Uint8Array>) => {
      expect(path).toBe(INSTALLED_PATH);
      this.installed = '';
      for await (const chunk of content) this.installed += Buffer.from(chunk).toString();
    },
  } as unknown as Guest;

  scope(service: DesiredService): Scope {
    const { host, facts } = this.bed.context();
    if (facts.desired === undefined) throw new Error('nothing is desired');
    const driver = {
      prober: {
        tcp: async () => {
          if (!this.answers) throw new Error('connection refused');
        },
        route: async () => undefined,
      },
    } as unknown as HostServices['driver'];
    facts.record.update({ ports: { web: 20_000 } });
    const guestWork = {
      ...createAgentWork(),
      run: async (_: Guest, actions: readonly GuestAction[]) => this.#run(actions),
    };
    return {
      host: { ...host, driver, guestWork },
      desired: {
        ...facts.desired,
        network: { mode: 'user', ports: [{ guestPort: 80, name: 'web' }] },
        service,
        serviceTimeoutSeconds: 600,
      },
      directory: facts.directory,
      record: facts.record,
      guest: this.#guest,
      ...{ installed: undefined, packageFetch: undefined },
    };
  }

  /** As a pass does with it; resolves with whether it was done already. */
  async pass(step: Step): Promise<boolean> {
    if (await step.isDone(never)) return true;
    await runToEnd(this.bed.clock, step.run(never));
    return false;
  }

  #run(actions: readonly GuestAction[]): void {
    for (const { title } of actions) {
      this.actions.push(title);
      if (title === this.failing) throw hostErrors.guestAgentRefused('no');
    }
  }
}

describe('the installation of a service', () => {
  const [first, second] = [serviceOf('first'), serviceOf('second')];
  let bed: GuestBed;
  beforeEach(async () => {
    bed = new GuestBed();
    await bed.bed.context().facts.load();
  });

  it('is done once', async () => {
    expect(await bed.pass(installStep(bed.scope(first)))).toBe(false);
    expect(await bed.pass(installStep(bed.scope(first)))).toBe(true);
    expect(bed.actions).toEqual([
      'make an empty directory for the package',
      'transfer the package',
      'put the package in place',
      'start the service',
    ]);
  });

  it.each([
    ['transfer the package', true],
    ['put the package in place', true],
    ['start the service', false],
  ])('lets the old one answer until the new one is started: "%s" fails', async (title, answers) => {
    const scope = bed.scope(first);
    await bed.pass(installStep(scope));
    scope.record.update({ answers: true });
    bed.failing = title;
    await expect(bed.pass(installStep(bed.scope(second)))).rejects.toThrow('no');
    expect(scope.record.current.answers).toBe(answers);
  });

  it.each(['transfer the package', 'put the package in place', 'start the service'])(
    'of another package that ended at "%s" leaves none for installed, so that going back installs again',
    async (title) => {
      await bed.pass(installStep(bed.scope(first)));
      bed.failing = title;
      await expect(bed.pass(installStep(bed.scope(second)))).rejects.toThrow('no');
      bed.failing = '';
      bed.actions.length = 0;
      expect(await bed.pass(installStep(bed.scope(first)))).toBe(false);
      expect(bed.actions).toContain('put the package in place');
    },
  );
});

describe('a change of the environment', () => {
  it.each(['set environment and hostname', 'start the service'])(
    'that ended at "%s" is made good when it is taken back',
    async (title) => {
      const bed = new GuestBed();
      await bed.bed.context().facts.load();
      const withEnv = (COLOUR: string): DesiredService => {
        const service = serviceOf('text');
        return { ...service, parameters: { ...service.parameters, env: { COLOUR } } };
      };
      const both = async (service: DesiredService) => {
        await bed.pass(configureStep(bed.scope(service)));
        await bed.pass(installStep(bed.scope(service)));
      };
      await both(withEnv('green'));
      bed.failing = title;
      await expect(both(withEnv('red'))).rejects.toThrow('no');
      bed.failing = '';
      bed.actions.length = 0;
      await both(withEnv('green'));
      expect(bed.actions).toEqual(['set environment and hostname', 'start the service']);
    },
  );
});

describe('a service that does not answer', () => {
  let bed: GuestBed;
  let endings = 0;
  const ended = () => ({ stdout: endings === 0 ? '' : `${endings} 3\ncannot open the database\n` });
  const serviceStepOf = () => serviceStep(bed.scope(serviceOf('text')));

  beforeEach(async () => {
    bed = new GuestBed();
    endings = 0;
    bed.installed = JSON.stringify({ service: 'it', started: 'it' });
    await bed.bed.context().facts.load();
  });

  it('and whose command ends again and again is an error soon, with its code and its last words', async () => {
    bed.program = () => {
      endings += 1;
      return ended();
    };
    await expect(bed.pass(serviceStepOf())).rejects.toMatchObject({
      reason: 'ServiceEnded',
      kind: 'retry',
      message: expect.stringMatching(
        /service web has ended 4 times, .* exit code 3, .*: cannot open the database$/,
      ),
    });
    expect(JSON.parse(bed.installed)).toEqual({ service: 'it', started: 'it' });
  });

  it('is waited for when its command ends now and then, or nobody knows', async () => {
    let looks = 0;
    bed.program = () => {
      looks += 1;
      endings = Math.min(looks, 3);
      if (looks === 4) throw hostErrors.agentUnavailable('silent');
      if (looks === 10) bed.answers = true;
      return ended();
    };
    expect(await bed.pass(serviceStepOf())).toBe(false);
    expect(looks).toBe(10);
  });

  it('is installed again after its time, and the error says how its command ended', async () => {
    endings = 1;
    bed.program = ended;
    await expect(bed.pass(serviceStepOf())).rejects.toMatchObject({
      reason: 'ServiceTimeout',
      message: expect.stringMatching(
        /within 600 s .*connection refused .*exit code 3.*cannot open the database/s,
      ),
    });
    expect(JSON.parse(bed.installed)).toMatchObject({ service: '', started: '' });
  });

  it('is installed again when its command was found to end eight times in a row', async () => {
    const { record } = bed.bed.context().facts;
    const failed = { name: 'Service', state: 'Failed', startedAt: '', seconds: 0 } as const;
    record.update({ steps: [{ ...failed, attempts: 7 }] });
    bed.program = () => {
      endings += 1;
      return ended();
    };
    await expect(bed.pass(serviceStepOf())).rejects.toMatchObject({ reason: 'ServiceEnded' });
    expect(JSON.parse(bed.installed)).toMatchObject({ service: '', started: '' });
  });

  it('because its probe fails has the probe’s last words in its error, however much it prints', async () => {
    const probe = (...argv: string[]) => ({ kind: 'exec', argv, timeoutSeconds: 10 }) as const;
    // As in a guest.
    bed.program = ([shell = '', ...args]) => {
      const { status, stdout, stderr } = spawnSync(shell, args, { encoding: 'utf8' });
      expect(stdout.length + stderr.length).toBeLessThan(5000);
      return { exitCode: status ?? -1, stdout, stderr };
    };
    const find = (...argv: string[]) => askProbe(bed.scope(serviceOf('text')), probe(...argv), never);
    const lines = 'for at in 1 2 3 4 5 6 7 8 9 10 11 12; do echo "line $at"; done';
    expect(await find('sh', '-c', `${lines}; echo "it is $1" >&2; exit 5`, 'x', 'so far')).toMatch(
      /^sh in the guest ends with exit code 5: line 4\nline 5\n.*\nline 12\nit is so far$/s,
    );
    expect(await find('sh', '-c', 'yes | head -c 12000000; echo the end; exit 7')).toMatch(
      /exit code 7: (y\n)+the end$/,
    );
    expect(await find('sh', '-c', 'exit 1')).toMatch(/exit code 1: it has no output$/);
    expect(await find('no-such-program', 'x')).toMatch(/exit code 127: .*no-such-program.*not found$/);
    expect(await find('sh', '-c', 'echo well; exit 0')).toBeUndefined();
    bed.program = () => {
      throw hostErrors.guestCommandTimeout('/bin/sh', 10, '');
    };
    expect(await find('/bin/check')).toBe('/bin/check in the guest did not end within 10 s and was killed');
  });
});
