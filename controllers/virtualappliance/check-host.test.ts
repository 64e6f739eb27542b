import { expect, it } from 'vitest';
import type { HostStatus } from '../../src/host/protocol.ts';
import { anAppliance, anImportedTemplate } from '../../test/builders/objects.ts';
import { aHostReport, aLayer, aReport, aView } from '../../test/builders/reports.ts';
import { checkAbilities } from './check-host.ts';
import type { Scope } from './scope.ts';

type Abilities = HostStatus['driver']['capabilities'];

const plain = anImportedTemplate();
const { boot: _, ...guest } = plain.spec.guest;
/** A template whose disk only UEFI boots, with its disks at a SCSI controller. */
const template = { ...plain, spec: { ...plain.spec, guest: { ...guest, diskBus: 'scsi' as const } } };
const layer = aLayer({ firmware: ['uefi'] });

function check(capabilities: Abilities, state: 'Absent' | 'Running' = 'Absent') {
  const driver = { ...aHostReport().driver, capabilities };
  const view = aView({ status: aHostReport({ driver }), holds: [layer], runs: [aReport({ vm: { state } })] });
  const appliance = anAppliance({ spec: { disk: { mode: 'Incremental', data: { size: '1Gi' } } } });
  return checkAbilities({ appliance, template, view } as unknown as Scope);
}

const blocked = (message: RegExp) => ({
  type: 'blocked',
  obstacle: { reason: 'NotSupportedByHost', isStalled: false, message: expect.stringMatching(message) },
});

it('names what the host of an appliance lacks for its VM, and what to do', () => {
  expect(check(['uefi', 'dataDisk', 'scsiDisk'])).toEqual({ type: 'done' });
  expect(check(['dataDisk', 'scsiDisk'])).toMatchObject(
    blocked(/^host host-a has no UEFI.*apt-get install ovmf/),
  );
  expect(check(['dataDisk', 'uefi'])).toMatchObject(blocked(/SCSI controller.*guest\.diskBus/));
  expect(check(['scsiDisk', 'uefi'])).toMatchObject(blocked(/knows no second disks: upgrade it/));
});

it('says which hosts have a drive for its CD', () => {
  const cd = { url: 'https://example.com/tools.iso', sha256: 'a'.repeat(64) };
  const withCd = { ...template, spec: { ...template.spec, guest: { ...guest, cd } } };
  const lacking = (guestOfCd: object) => {
    const view = aView({ status: aHostReport({ driver: { ...aHostReport().driver, capabilities: [] } }) });
    const one = { ...withCd, spec: { ...withCd.spec, guest: { ...withCd.spec.guest, ...guestOfCd } } };
    return checkAbilities({ appliance: anAppliance(), template: one, view } as unknown as Scope);
  };
  expect(lacking({})).toMatchObject(blocked(/^host host-a .*knows no CDs.*upgrade it/));
  expect(lacking({ xen: { type: 'PV', bootLoader: 'PvGrub' } })).toMatchObject(
    blocked(/no CD drive for a guest of type PV or PVH.*use a host with QEMU/),
  );
});

it('leaves a VM that exists alone, but for a second disk that its daemon does not know', () => {
  expect(check(['dataDisk'], 'Running')).toEqual({ type: 'done' });
  expect(check([], 'Running')).toMatchObject(blocked(/second disks/));
});
