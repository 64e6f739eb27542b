import { driverNames } from '../../src/api/drivers.ts';

/**
 * `crds/hosts.yaml` with the drivers of `src/api/drivers.ts` in the text of `status.driver.name`. It is a text and no enum: a newer
 * daemon's driver must not keep its host's whole status out of an older cluster.
 */
export function withDriversInCrd(text: string): string {
  return replaceOne(
    text,
    /(\n +driver:\n +description: The driver that runs the VMs\.\n +type: object\n +properties:\n +name: \{.*description: ')[^']*/,
    `$1${sentence(driverNames())}`,
    'crds/hosts.yaml',
  );
}

/** The chart's `values.schema.json` with the drivers that run in a pod as the choices of `hostDaemon.driver`. */
export function withDriversInValues(text: string): string {
  const names = driverNames('isInPod').map((name) => JSON.stringify(name));
  return replaceOne(
    text,
    /("driver": \{\s+"description": "The driver that runs the VMs\.",\s+"type": "string",\s+"enum": )\[[^\]]*\]/,
    `$1[${names.join(', ')}]`,
    'charts/coppice/values.schema.json',
  );
}

/** `a, b or c.` */
function sentence(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}.`;
}

function replaceOne(text: string, pattern: RegExp, replacement: string, file: string): string {
  if (!pattern.test(text))
    throw new Error(`${file}: the place of the drivers is not as scripts/generate/drivers.ts knows it`);
  return text.replace(pattern, replacement);
}
