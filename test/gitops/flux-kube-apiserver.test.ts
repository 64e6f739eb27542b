import { describeFlux } from './flux-suite.ts';

describeFlux('kube-apiserver');
