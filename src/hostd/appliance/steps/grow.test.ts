import { describe, expect, it } from 'vitest';
import { HostError, hostErrors } from '../../errors/index.ts';
import type { Guest } from '../../guest/guest.ts';
import { emptyRecord } from '../../state/record.ts';
import { stepFinished, stepFound, stepStarted } from '../progress.ts';
import type { Scope } from '../scope.ts';
import { desiredAppliance, UUID } from '../testing/runner-bed.ts';
import { growStep } from './grow.ts';

const never = new AbortController().signal;
const SIZE = 4 * 1024 ** 3;
const AT = '1970-01-01T00:00:10.000Z';

/** A guest with a file of what was done in it, which its disk keeps, and what its script answers; the daemon keeps its record. */
class Bed {
  record = { ...emptyRecord };
  file = '';
  boot = 'first';
  answer: { exitCode: number; stdout: string; stderr: string } | HostError = ok('');
  growths = 0;

  readonly #guest = {
    exec: async (argv: readonly string[]) => {
      if (argv[3] === 'coppice-read-installed') return ok(`${this.boot} ${UUID}\n${this.file}`);
      this.growths += 1;
      if (this.answer instanceof HostError) throw this.answer;
      return this.answer;
    },
    writeFile: async (_: string, content: AsyncIterable<Uint8Array>) => {
      for await (const bytes of content) this.file = Buffer.from(bytes).toString();
    },
  } as unknown as Guest;

  /** One pass over this step alone; with `dies` the daemon is killed before its record says that the step is done. */
  async pass({ dies = false } = {}): Promise<void> {
    const desired = desiredAppliance();
    const scope = { desired, guest: this.#guest, record: { current: this.record } } as unknown as Scope;
    const step = growStep(scope, SIZE);
    if (await step.isDone(never)) {
      this.record = { ...this.record, ...stepFound(this.record, 'Grow', { at: AT, seconds: 0 }) };
      return;
    }
    this.record = { ...this.record, ...stepStarted(this.record, 'Grow', AT) };
    await step.run(never);
    if (!dies) this.record = { ...this.record, ...stepFinished(this.record, 'Grow', 1, 0, step.note?.()) };
  }

  get note(): string | undefined {
    expect(this.record.steps).toMatchObject([{ name: 'Grow', state: 'Done' }]);
    return this.record.steps[0]?.message;
  }
}

function ok(stdout: string) {
  return { exitCode: 0, stdout, stderr: '' };
}

describe('the step Grow', () => {
  it('is done once for all boots', async () => {
    const bed = new Bed();
    await bed.pass();
    bed.boot = 'second';
    await bed.pass();
    expect([bed.growths, bed.note]).toEqual([1, undefined]);
  });

  it('tells why a guest cannot, keeps that, and tries again in the next boot', async () => {
    const bed = new Bed();
    bed.answer = ok('the guest has no sfdisk (package fdisk)\n');
    await bed.pass();
    await bed.pass();
    expect(bed.growths).toBe(1);
    expect(bed.note).toContain('as large as its disk: the guest has no sfdisk (package fdisk); the service');
    bed.boot = 'second';
    bed.answer = ok('');
    await bed.pass();
    expect([bed.growths, bed.note]).toEqual([2, undefined]);
  });

  it('tries again when the daemon was killed before it had kept the reason', async () => {
    const bed = new Bed();
    bed.answer = ok('it is tmpfs');
    await bed.pass({ dies: true });
    await bed.pass();
    expect(bed.growths).toBe(2);
    expect(bed.note).toContain('it is tmpfs');
  });

  it.each([
    [
      'ends with an error',
      { exitCode: 127, stdout: '', stderr: 'sh: not found' },
      /exit code 127: sh: not found/,
    ],
    ['hangs', hostErrors.guestCommandTimeout('/bin/sh', 600, ''), /did not end within 600 s/],
    ['says too much', ok(`\u001b[2J${'x'.repeat(1_000_000)}`), /: \[2Jx{297}; the service/],
  ])('keeps no service from coming up when its program %s', async (_, answer, message) => {
    const bed = new Bed();
    bed.answer = answer;
    await bed.pass();
    expect(bed.note).toMatch(message);
  });

  it('fails when the agent is gone', async () => {
    const bed = new Bed();
    bed.answer = hostErrors.agentUnavailable('no answer');
    await expect(bed.pass()).rejects.toMatchObject({ reason: 'AgentUnavailable' });
  });
});
