import { describe, expect, it } from 'vitest';
import type { DesiredAppliance } from '../../../host/protocol.ts';
import type { Guest } from '../../guest/guest.ts';
import { planSteps } from '../planner.ts';
import type { Scope } from '../scope.ts';
import { desiredAppliance, UUID } from '../testing/runner-bed.ts';
import { cloudInitStep } from './cloud-init.ts';
import { identityStep } from './identity.ts';
import { macFor, macOf } from './mac.ts';

const never = new AbortController().signal;
const FIRST = '99999999-9999-4999-8999-999999999999';

/** A guest whose record of finished work is `installed`; it counts the scripts that run in it. */
function bed(installed: object, machine: DesiredAppliance['machine']) {
  let file = JSON.stringify(installed);
  let scripts = 0;
  const guest = {
    exec: async (argv: readonly string[]) => {
      if (argv[3] === 'coppice-read-installed')
        return { exitCode: 0, stdout: `boot ${UUID}\n${file}`, stderr: '' };
      scripts += 1;
      return { exitCode: 0, stdout: '', stderr: '' };
    },
    writeFile: async (_: string, content: AsyncIterable<Uint8Array>) => {
      for await (const bytes of content) file = Buffer.from(bytes).toString();
    },
  } as unknown as Guest;
  const desired: DesiredAppliance = { ...desiredAppliance(), ...(machine === undefined ? {} : { machine }) };
  const scope = () => ({ desired, guest, host: {}, installed: undefined }) as unknown as Scope;
  return { desired, scope, scripts: () => scripts, file: () => JSON.parse(file) as unknown };
}

describe('a guest with the disk of another machine', () => {
  const known = { service: 'digest', machine: FIRST, cloudInit: 'done' };

  it('becomes one of its own once, and keeps what is installed', async () => {
    const { scope, scripts, file } = bed(known, { kind: 'other' });
    expect(await identityStep(scope()).isDone(never)).toBe(false);
    await identityStep(scope()).run(never);
    expect([scripts(), file()]).toEqual([1, { ...known, machine: UUID }]);
    expect(await identityStep(scope()).isDone(never)).toBe(true);
  });

  it('has cloud-init do again what it does once for each machine', async () => {
    expect(await cloudInitStep(bed(known, { kind: 'other' }).scope()).isDone(never)).toBe(false);
    expect(await cloudInitStep(bed(known, { kind: 'same', uuid: FIRST }).scope()).isDone(never)).toBe(true);
    const again = bed({ ...known, cloudInit: `done ${UUID}` }, { kind: 'other' });
    expect(await cloudInitStep(again.scope()).isDone(never)).toBe(true);
  });

  it('has a card of its own, and the same machine that of its first appliance', () => {
    expect(macFor(bed(known, { kind: 'other' }).desired)).toBe(macOf(UUID));
    expect(macFor(bed(known, { kind: 'same', uuid: FIRST }).desired)).toBe(macOf(FIRST));
  });

  it.each([
    [undefined, false],
    [{ kind: 'same', uuid: FIRST } as const, false],
    [{ kind: 'other' } as const, true],
  ])('of machine %j: the step is among its steps: %s', (machine, expected) => {
    const { desired } = bed({}, machine);
    const names = planSteps({
      desired,
      host: { layers: {} },
      directory: {},
      record: { current: {} },
    } as unknown as Scope).map(({ name }) => name);
    expect(names.includes('Identity')).toBe(expected);
  });
});
