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
};

describeScenarios(XEN, async () => new XenBed(await Dom0.boot()), dom0IsImpossible);
