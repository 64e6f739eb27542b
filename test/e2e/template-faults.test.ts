import { afterAll, beforeAll, expect, it } from 'vitest';
import { runWithKills } from '../faults/templates.ts';
import { describeUnless } from '../skip.ts';
import { Coppice } from './coppice.ts';
import { noQemu } from './qemu/scene.ts';

const SEEDS = Array.from({ length: 10 }, (_, index) => index + 1);

/** `npm run faults -- --seeds 100` does the same for more. */
describeUnless(noQemu, 'builds, saved templates and recalls', () => {
  let coppice: Coppice;

  beforeAll(async () => {
    coppice = await Coppice.up('--hosts', '2');
  });
  afterAll(() => coppice?.close());

  it('lose nothing and leave nothing though operator and daemons are killed all the time', {
    timeout: 3_600_000,
  }, async () => {
    const { outcomes, kills } = await runWithKills(coppice, SEEDS);
    expect(outcomes.filter(({ failure }) => failure !== undefined)).toEqual([]);
    expect(Object.keys(kills).length).toBeGreaterThan(1);
  });
});
