import { open, optional, string } from './typed-schema.ts';
import { instant, text } from './values.ts';

/** Why something is not as it should be. */
export const problemFields = {
  /** CamelCase; it becomes the condition's and the Event's reason. */
  reason: text,
  /** What happened, to which object, and what to do next. */
  message: string(),
  /** Unset: nothing is tried again until the desired state changes. */
  retryAt: optional(instant),
};
export const problemSchema = open(problemFields);
