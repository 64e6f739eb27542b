import { apply } from './apply.ts';
import { checkpoint } from './checkpoint.ts';
import { footprint } from './footprint.ts';
import type { Benchmark } from './harness.ts';
import { overlay } from './overlay.ts';
import { placement } from './placement.ts';
import { scale } from './scale.ts';
import { start } from './start.ts';
import { templates } from './templates.ts';
import { xen } from './xen.ts';

/** All benchmarks, in the order in which they run; each is a file of its own beside this one. */
export const BENCHMARKS: readonly Benchmark[] = [
  start,
  placement,
  overlay,
  templates,
  apply,
  footprint,
  checkpoint,
  xen,
  scale,
];
