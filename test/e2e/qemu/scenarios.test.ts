import { describeScenarios } from '../../scenarios/suite.ts';
import { bedIsImpossible, QemuBed } from './bed.ts';

// QEMU allocates memory when a guest touches it, and its names are but titles.
const QEMU = { name: 'QEMU', hasUniqueNames: false, guestsCanDoubt: true, runsAll: true };

describeScenarios(QEMU, () => QemuBed.create(), bedIsImpossible);
