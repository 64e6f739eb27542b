import { describeScenarios } from '../scenarios/suite.ts';
import { XenBed } from './bed.ts';
import { Dom0 } from './dom0.ts';

describeScenarios('Xen', async () => new XenBed(await Dom0.boot()));
