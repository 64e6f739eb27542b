import { type Explanation, type Obstacle, stalled, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** What is wrong with the files of a service. `from` names where they are, such as `ConfigMap default/files`. */
export const packageObstacles = {
  configMapNotFound: (configMap: string): Obstacle =>
    waiting(
      REASON.ConfigMapNotFound,
      `ConfigMap ${configMap} with the service's files does not exist: create it`,
    ),
  /** @param answer what the API server said */
  configMapRefused: (answer: string): Explanation => ({
    reason: REASON.ConfigMapRefused,
    message: `${answer}: let the operator get it, as its chart does; it is tried again`,
  }),
  /** @param copy the name that the operator's copy of the content would get */
  revisionTaken: (copy: string): Obstacle =>
    waiting(
      REASON.RevisionConflict,
      `ConfigMap ${copy} exists with other content, or belongs to somebody else; the task would keep its files in it: delete it`,
    ),
  /** @param answer what the API server said */
  revisionRefused: (answer: string): Obstacle =>
    waiting(
      REASON.Refused,
      `the API server refuses the ConfigMap in which the task keeps its files, and it is tried again: ${answer}`,
    ),
  empty: (from: string): Obstacle =>
    stalled(REASON.PackageEmpty, `${from} has no entries: add the service's files`),
  tooLarge: (from: string, bytes: number, limit: number): Obstacle =>
    stalled(
      REASON.PackageTooLarge,
      `the files of ${from} have ${bytes} bytes in all, more than ${limit}: provide them as an archive by url`,
    ),
};
