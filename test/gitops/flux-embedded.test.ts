import { describeFlux } from './flux-suite.ts';

describeFlux('embedded');
