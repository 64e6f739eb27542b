import { Command, InvalidArgumentError } from 'commander';
import { addClusterOptions, type ClusterOptions, withCluster } from '../cluster.ts';
import { download, type GuestPath, upload } from '../copying.ts';
import { oneAppliance, parseTarget, type Target } from '../targets.ts';

/** A file or folder on this machine, or in a guest. */
type Place = { readonly path: string; readonly target?: Target };

const PLACE_HELP = 'a path on this machine, or APPLIANCE:PATH or sd/TASK:PATH in a guest';

/** `coppice cp FROM TO`: copies a file or a folder into a guest, or out of it. */
export function cpCommand(): Command {
  const command = new Command('cp')
    .description("copy a file, or a folder with all that is in it, into an appliance's guest or out of it")
    .argument('<from>', PLACE_HELP, parsePlace)
    .argument('<to>', 'the same; an existing folder takes the copy under its own name', parsePlace)
    .addHelpText(
      'after',
      '\nExample:\n  coppice cp site hello-web-0:/srv/www\n  coppice cp hello-web-0:/var/log/messages .\n  coppice cp ./a:b.txt sd/hello:/tmp' +
        '\n\nA file is written beside its place and renamed when it is whole. Folders go through tar on both sides.' +
        '\nIt needs the rights of `coppice exec`.',
    )
    .action((from: Place, to: Place, options: ClusterOptions) => copy(from, to, options));
  return addClusterOptions(command);
}

/** As scp reads it: what begins with `.` or `/`, or has no colon, is here. */
function parsePlace(text: string): Place {
  const colon = text.indexOf(':');
  if (colon < 0 || /^[./~]/.test(text)) return { path: text };
  const path = text.slice(colon + 1);
  if (path === '') throw new InvalidArgumentError('a path must follow the colon');
  return { path, target: parseTarget(text.slice(0, colon)) };
}

async function copy(from: Place, to: Place, options: ClusterOptions): Promise<void> {
  const target = from.target ?? to.target;
  if (target === undefined || (from.target !== undefined && to.target !== undefined)) {
    throw new Error('exactly one of the two must be in a guest: name it as APPLIANCE:PATH');
  }
  await withCluster(options, async ({ client, namespace, config }) => {
    const { metadata } = await oneAppliance(client, namespace, target, console.error);
    const guest = (path: string): GuestPath => ({ config, appliance: metadata, path });
    if (from.target === undefined) await upload(from.path, guest(to.path));
    else await download(guest(from.path), to.path);
  });
}
