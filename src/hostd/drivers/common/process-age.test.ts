import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { processAgeMs } from './process-age.ts';

describe('the age of a process', () => {
  it('is the time since its start, whatever its program is called', async () => {
    const proc = await mkdtemp(join(tmpdir(), 'coppice-proc-'));
    try {
      await mkdir(join(proc, '7'));
      await writeFile(join(proc, 'uptime'), '1000.25 3900.00\n');
      const before = Array.from({ length: 18 }, () => '0').join(' ');
      await writeFile(join(proc, '7', 'stat'), `7 (a) b) S ${before} 99000 4096 1\n`);
      expect(await processAgeMs(7, proc)).toBe(10_250);
      expect(await processAgeMs(8, proc)).toBeUndefined();
      await writeFile(join(proc, 'uptime'), '12.00 3900.00\n');
      expect(await processAgeMs(7, proc)).toBeUndefined();
    } finally {
      await rm(proc, { recursive: true });
    }
  });

  it('is that of this process by /proc', async () => {
    const difference = ((await processAgeMs(process.pid)) ?? 0) - process.uptime() * 1000;
    expect(Math.abs(difference)).toBeLessThan(5_000);
  });
});
