import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * The path of a file or folder that comes with Coppice, such as `crds`: beside the package.json above this code, in a checkout as
 * in a release. Throws where there is none, as for a bundle that was copied alone.
 */
export function installedPath(...path: readonly string[]): string {
  const packageJson = findPackageJSON('.', import.meta.url);
  if (packageJson === undefined) {
    throw new Error(
      `${import.meta.filename} is not part of an installation: there is no package.json above it`,
    );
  }
  return join(dirname(packageJson), ...path);
}
