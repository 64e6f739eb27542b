import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../../base/testing/fake-clock.ts';
import { runToEnd } from '../../../base/testing/run-to-end.ts';
import type { Guest } from '../../guest/guest.ts';
import type { Scope } from '../scope.ts';
import { desiredAppliance, PACE, UUID } from '../testing/runner-bed.ts';
import { cloudInitStep } from './cloud-init.ts';

const never = new AbortController().signal;
const RUNS = 17;
const MISSING = 18;
const done = (...errors: readonly string[]) => ({ stdout: JSON.stringify({ v1: { errors } }, null, 1) });

/** A guest whose cloud-init gives these answers, the last one for ever. */
function bed(...answers: readonly { readonly exitCode?: number; readonly stdout?: string }[]) {
  const left = [...answers];
  let file = '';
  let asked = 0;
  const guest = {
    exec: async (argv: readonly string[]) => {
      if (argv[3] === 'coppice-read-installed')
        return { exitCode: 0, stdout: `boot ${UUID}\n${file}`, stderr: '' };
      asked += 1;
      const answer = left.length > 1 ? left.shift() : left[0];
      return { exitCode: 0, stdout: '', stderr: '', ...answer };
    },
    writeFile: async (_: string, content: AsyncIterable<Uint8Array>) => {
      for await (const bytes of content) file = Buffer.from(bytes).toString();
    },
  } as unknown as Guest;
  const clock = createFakeClock();
  const desired = desiredAppliance();
  const step = () => cloudInitStep({ host: { clock, pace: PACE }, desired, guest } as unknown as Scope);
  return { clock, step, asked: () => asked };
}

describe('the step CloudInit', () => {
  it('waits until cloud-init is done, once for all boots', async () => {
    const { clock, step, asked } = bed({ exitCode: RUNS }, { exitCode: RUNS }, done());
    const first = step();
    expect(await first.isDone(never)).toBe(false);
    await runToEnd(clock, first.run(never));
    expect(asked()).toBe(3);
    expect(first.note?.()).toBeUndefined();
    expect(await step().isDone(never)).toBe(true);
  });

  it('tells what cloud-init could not do, and goes on', async () => {
    const { clock, step } = bed(done("('runcmd', failed)", 'no such package'));
    const only = step();
    await runToEnd(clock, only.run(never));
    expect(only.note?.()).toMatch(/could not do everything: \('runcmd', failed\); no such package;/);
  });

  it.each(['', 'half {', '[]', '{"v1": 3}', '{"v1": {"errors": "none"}}'])(
    'takes a result of an unknown form, %j, for done',
    async (stdout) => {
      const { clock, step } = bed({ stdout });
      const only = step();
      await runToEnd(clock, only.run(never));
      expect(only.note?.()).toBeUndefined();
    },
  );

  it('says where to look when cloud-init does not come to an end', async () => {
    const { clock, step } = bed({ exitCode: RUNS });
    await expect(runToEnd(clock, step().run(never))).rejects.toMatchObject({
      reason: 'CloudInitTimeout',
      message: expect.stringMatching(/not done within 1 s .* left as it is.*coppice logs/),
    });
    expect(await step().isDone(never)).toBe(false);
  });

  it('says so when there is no cloud-init', async () => {
    const { step } = bed({ exitCode: MISSING });
    await expect(step().run(never)).rejects.toMatchObject({ reason: 'CloudInitMissing', kind: 'retry' });
  });
});
