import { HostError } from './host-error.ts';
import { lastWords } from './quote.ts';

const KEPT = 'its disk and its log are kept for a look (coppice template logs) until the template is deleted';
const NEXT = 'correct the step in a new template';

/** Errors of the builds of templates. A title is such as `step 2 of 5 (install)`. */
export const buildErrors = {
  buildStepFailed: (title: string, exitCode: number, output: string) =>
    new HostError(
      'BuildStepFailed',
      `${title} ended with exit code ${exitCode}: ${lastWords(output) || 'it had no output'}; ${KEPT}: ${NEXT}`,
      { kind: 'stalled' },
    ),
  buildStepTimeout: (title: string, seconds: number, output: string) =>
    new HostError(
      'BuildStepTimeout',
      `${title} did not end within ${seconds} s and was killed: ${lastWords(output) || 'it had no output'}; ${KEPT}: ${NEXT}, or ` +
        'give it a larger timeoutSeconds',
      { kind: 'stalled' },
    ),
  buildCopyFailed: (title: string, cause: HostError) =>
    new HostError(
      'BuildStepFailed',
      `${title} could not be carried out: ${cause.message}; ${KEPT}: ${NEXT}`,
      {
        kind: 'stalled',
        cause,
      },
    ),
  buildNotCleaned: (cause: HostError) =>
    new HostError(
      'BuildNotCleaned',
      `all steps are done, and the guest cannot be cleaned: ${cause.message}; ${KEPT}: remove what cannot be removed by a last step, in a ` +
        'new template',
      { kind: 'stalled', cause },
    ),
  buildStepLost: (title: string) =>
    new HostError(
      'BuildStepLost',
      `nobody knows how ${title} ended, since its guest has started again, or has killed it: the build begins again on a new disk; a ` +
        'step that needs a reboot says `reboot: true`',
    ),
  buildInterrupted: (attempts: number) =>
    new HostError(
      'BuildInterrupted',
      `the VM ended before the build was done, ${attempts} times: ${KEPT}; see whether a step ends the VM, and use \`reboot: true\` for ` +
        'that, or whether the host does',
      { kind: 'stalled' },
    ),
  noLayerLog: (identity: string, namespace: string) =>
    new HostError(
      'NoBuildLog',
      `no log is kept here of a build in namespace ${namespace} that became layer ${identity}: this host did not build it, or did so ` +
        'with a version that kept no logs, or could not keep it, or the layer went from here, and its log with it; build a template ' +
        'with another build.revision to see the same steps again',
      { kind: 'refused', status: 404 },
    ),
  noBuildLog: (uuid: string) =>
    new HostError('NoBuildLog', `appliance ${uuid} builds no template, so it has no log of a build`, {
      kind: 'refused',
      status: 409,
    }),
};
