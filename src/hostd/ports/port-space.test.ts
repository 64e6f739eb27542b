import { describe, expect, it } from 'vitest';
import { portSpaceOf } from './port-space.ts';

describe('the space of a daemon’s ports', () => {
  it('is the same for all daemons of this machine and network namespace', async () => {
    const space = await portSpaceOf();
    expect(space).toMatch(/^[0-9a-f-]{36}\/net:\[\d+\]$/);
    expect(await portSpaceOf()).toBe(space);
  });

  it('is unknown where the system does not tell', async () => {
    expect(await portSpaceOf('/nowhere')).toBeUndefined();
  });
});
