import { type Explanation, type Obstacle, waiting } from './obstacle.ts';
import { REASON } from './reasons.ts';

/** What is wrong with user data in a Secret. The operator reads the Secret again by itself. `secret` is namespace/name; messages never quote its content. */
export const userDataObstacles = {
  secretNotFound: (secret: string): Obstacle =>
    waiting(
      REASON.SecretNotFound,
      `Secret ${secret} with the user data (parameters.cloudInit.userDataSecret) does not exist: create it; it is looked for again`,
    ),
  secretKeyNotFound: (secret: string, key: string): Obstacle =>
    waiting(
      REASON.SecretNotFound,
      `Secret ${secret} has no key ${key}, which parameters.cloudInit.userDataSecret names: add it, or name another; it is looked for again`,
    ),
  /** The API server's own answer names the operator's account, and not what to do. */
  secretRefused: (secret: string): Explanation => ({
    reason: REASON.SecretRefused,
    message:
      `the operator may not read Secret ${secret} with the user data: add the namespace to rbac.secretNamespaces of the chart coppice, or bind the ` +
      "operator's account to the ClusterRole that ends in -secrets there; it is tried again",
  }),
  secretInvalid: (secret: string, key: string, problem: string): Obstacle =>
    waiting(
      REASON.UserDataInvalid,
      `key ${key} of Secret ${secret} cannot be used as user data: ${problem}; correct it; it is looked at again`,
    ),
};
