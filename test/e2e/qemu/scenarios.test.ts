import { describeScenarios } from '../../scenarios/suite.ts';
import { bedIsImpossible, QemuBed } from './bed.ts';

describeScenarios('QEMU', () => QemuBed.create(), bedIsImpossible);
