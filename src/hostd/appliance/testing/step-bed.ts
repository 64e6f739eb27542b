import { tmpdir } from 'node:os';
import PQueue from 'p-queue';
import { pino } from 'pino';
import { KeyedMutex } from '../../../base/keyed-mutex.ts';
import type { Driver, VmObservation } from '../../drivers/driver.ts';
import { hostErrors } from '../../errors/index.ts';
import { emptyRecord } from '../../state/record.ts';
import { RecordKeeper } from '../../state/record-keeper.ts';
import type { Scope } from '../scope.ts';
import { desiredAppliance, PACE, UUID } from './runner-bed.ts';

/** An appliance whose VM was found like this, and the calls to its driver; its port is in use for as long as the VM's remains are. */
export function bedWith(found: Omit<VmObservation, 'uuid'> | undefined, change: Partial<Driver> = {}) {
  const calls: string[] = [];
  let vm = found === undefined ? undefined : { uuid: UUID, ...found };
  const driver = {
    inspect: async () => vm,
    start: async () => void calls.push('start'),
    destroy: async () => {
      calls.push('destroy');
      vm = undefined;
    },
    ...change,
  };
  const ports = {
    verifyFree: async () => {
      if (vm?.remains === true) throw hostErrors.portInUse(25_000, 'qemu-system-x86');
      calls.push('ports');
    },
  };
  const record = { ...emptyRecord, started: true, ports: { http: 25_000 } };
  const layer = { firmware: ['uefi'] };
  const log = pino({ level: 'silent' });
  const creation = new PQueue();
  const scope = {
    host: {
      ...{
        driver,
        ports,
        log,
        creation,
        pace: PACE,
        clock: { monotonic: () => 0 },
        disks: new KeyedMutex(),
        reserveBytes: 0,
      },
      layers: { get: () => layer, chain: () => ['/layer'] },
    },
    desired: desiredAppliance(),
    directory: {
      uuid: UUID,
      path: tmpdir(),
      diskPath: '/nowhere/disk.qcow2',
      dataDiskPath: '/nowhere/data.qcow2',
    },
    record: new RecordKeeper({ initial: record, write: async () => undefined, onError: () => undefined }),
  };
  return { calls, scope: scope as unknown as Scope };
}
