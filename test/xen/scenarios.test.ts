import { describeScenarios, type Hypervisor } from '../scenarios/suite.ts';
import { XenBed } from './bed.ts';
import { Dom0 } from './dom0.ts';
import { dom0IsImpossible } from './image.ts';

const XEN: Hypervisor = {
  name: 'Xen',
  memoryReason: 'NotEnoughMemory',
  hasUniqueNames: true,
  guestsCanDoubt: false,
  runsAll: false,
  // Where Xen has a part. In the others the daemon does what it does under QEMU, and an emulated one takes twenty seconds to start.
  killedIn: ['Start', 'Agent'],
  // Each answer is work for an emulated Node, whose steps take seconds.
  stepPollMs: 500,
};

describeScenarios(XEN, async () => new XenBed(await Dom0.boot()), dom0IsImpossible);
