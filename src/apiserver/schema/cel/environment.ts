/** The CEL environment of Kubernetes 1.36: the language, optionals, and Kubernetes' functions. */

import { Environment } from '@marcbachmann/cel-js';
import { registerFormat } from './format.ts';
import { registerLists } from './lists.ts';
import { registerNetwork } from './network.ts';
import { registerQuantity } from './quantity.ts';
import { registerStandard } from './standard.ts';
import { registerStrings } from './strings.ts';
import { registerUrl } from './url.ts';

/** Creates an environment without variables; this takes a few milliseconds. */
export function kubernetesEnvironment(): Environment {
  const environment = new Environment({ enableOptionalTypes: true });
  registerStrings(environment);
  registerLists(environment);
  registerQuantity(environment);
  registerNetwork(environment);
  registerUrl(environment);
  registerFormat(environment);
  registerStandard(environment);
  return environment;
}
