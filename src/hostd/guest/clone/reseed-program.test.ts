import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeUnless } from '../../../../test/skip.ts';
import { RESEED_FORMAT, RESEED_PROGRAM, SEED_BYTES } from './reseed-program.ts';

const notHere =
  process.platform === 'linux' && process.arch === 'x64' ? undefined : 'it is a program for x86-64 Linux';

describe('the program that reseeds a kernel', () => {
  it('is as long as its headers say', () => {
    expect(RESEED_PROGRAM.readBigUInt64LE(64 + 32)).toBe(BigInt(RESEED_PROGRAM.length));
    expect(RESEED_PROGRAM.subarray(-13).toString()).toBe('/dev/urandom\0');
  });
});

describeUnless(notHere, 'run by this machine', () => {
  let folder: string;
  let program: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'coppice-reseed-'));
    program = join(folder, 'reseed');
    writeFileSync(program, RESEED_PROGRAM, { mode: 0o700 });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is what a shell prints', () => {
    const printed = spawnSync('/bin/sh', ['-c', `printf '${RESEED_FORMAT}'`]);
    expect(printed.stdout).toEqual(RESEED_PROGRAM);
  });

  it.each([0, 1, SEED_BYTES - 1])('refuses a seed of %i bytes', (length) => {
    expect(spawnSync(program, { input: randomBytes(length) }).status).toBe(2);
  });

  it('reads a seed that comes in pieces, and gives it to the kernel', () => {
    const script = '{ head -c 5; sleep 0.1; head -c 59; } <"$1" | "$2"';
    const seed = join(folder, 'seed');
    writeFileSync(seed, randomBytes(SEED_BYTES));
    const { status } = spawnSync('/bin/bash', ['-c', script, 'bash', seed, program]);
    // What runs without the right to do it is refused by the kernel, and says so.
    const mayReseed = (BigInt(`0x${capabilities()}`) & (1n << 21n)) !== 0n;
    expect(status).toBe(mayReseed ? 0 : 4);
  });
});

function capabilities(): string {
  return /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
}
