import type { CheckpointHead } from '../checkpoints/state-file.ts';
import type { CheckpointKey } from '../drivers/checkpoints.ts';

/** What was captured, and the layers that it stood on; none for a copy that is whole. */
export type Captured = {
  readonly parent?: string;
  /** Of the second disk, if there is one. */
  readonly data?: { readonly parent?: string };
  readonly warning?: string;
  /** The namespace that may read the logs of the build. Set only if the appliance built a template. */
  readonly logsFor?: string;
  /** Set if the appliance's memory was captured, too. */
  readonly checkpoint?: CapturedCheckpoint;
};

/** Memory and the devices' state of one moment, and what they depend on. */
export type CapturedCheckpoint = {
  readonly memory: string;
  readonly state: string;
  readonly key: CheckpointKey;
  readonly from: CheckpointHead['from'];
};
