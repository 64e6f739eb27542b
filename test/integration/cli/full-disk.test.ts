import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { layoutOf } from '../../../src/main/local/layout.ts';
import { findPart, startPart, stopPart } from '../../../src/main/local/processes.ts';
import { describeUnless } from '../../skip.ts';
import { cannotMount, fill, withSmallDisk } from '../hostd/small-disk.ts';

describeUnless(cannotMount, 'parts of a Coppice whose disk is full', () => {
  it('start, are found without a pid file, and stop', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'coppice-parts-'));
    const program = join(directory, 'program.mjs');
    await writeFile(program, 'setInterval(() => undefined, 1000);');
    try {
      await withSmallDisk(directory, 1024 * 1024, async (mount) => {
        const layout = layoutOf(mount);
        const part = { name: 'api', args: ['api', '--storage', layout.apiStorage] };
        await fill(join(mount, 'hog'));
        try {
          expect(await startPart(layout, part, program)).toBe(true);
          expect(await startPart(layout, part, program)).toBe(false);
          expect(await findPart(layout, 'api')).toBeGreaterThan(1);
          expect(await readdir(layout.run)).toEqual([]);
        } finally {
          await stopPart(layout, 'api', 0);
        }
        expect(await findPart(layout, 'api')).toBeUndefined();
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
