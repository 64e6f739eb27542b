import { describeScenarios } from '../scenarios/suite.ts';
import { XenBed } from './bed.ts';
import { Dom0 } from './dom0.ts';
import { dom0IsImpossible } from './image.ts';

describeScenarios('Xen', async () => new XenBed(await Dom0.boot()), dom0IsImpossible);
