import { type GuestScript, PREPARE, putInto, runScript } from './actions.ts';
import { normalisePath, requireSafePackage, serviceNameOf } from './names.ts';
import { httpServiceProbe, requestedProbe } from './probes.ts';
import type { PackageFacts, ServicePlan, ServiceRequest } from './types.ts';

const DEFAULT_DOCUMENT_ROOT = '/srv/www';
/** Even "not found" shows that the server runs: before the first package there is nothing to find. */
const CONTAINER_ANSWERS_BELOW = 500;

/**
 * $1 served directory, $2 staging directory in it, $3 list of the entries that Coppice put there. The directory itself is never
 * replaced: a server whose working directory it is, like busybox httpd, would serve the old one further. New entries are added
 * to the list before they are moved, and old ones leave it afterwards, so that a crash in between loses none.
 */
const PUBLISH: GuestScript = {
  title: 'move the package into the served directory',
  timeoutSeconds: 120,
  text: `root=$1 staging=$2 list=$3
b chmod -R a+rX "$staging"
[ -d "\${list%/*}" ] || b mkdir -p "\${list%/*}"
[ -f "$list" ] || : >"$list"
b ls -A "$staging" >"$list.new"
while IFS= read -r entry; do
  case $entry in '' | . | .. | */*) continue ;; esac
  [ -e "$staging/$entry" ] || b rm -rf "$root/$entry"
done <"$list"
while IFS= read -r entry; do printf '%s\\n' "$entry"; done <"$list.new" >>"$list"
while IFS= read -r entry; do
  if [ -e "$root/$entry" ] || [ -L "$root/$entry" ]; then b rm -rf "$root/$entry"; fi
  b mv "$staging/$entry" "$root/$entry"
done <"$list.new"
b mv "$list.new" "$list"
b rm -rf "$staging"
b sync
`,
};

/**
 * Builder for `static-site` (SO-MVDS section 5): a web server in the template serves a directory. The package's files are put
 * there, below `parameters.path` if that is given.
 */
export function buildStaticSite(request: ServiceRequest): ServicePlan {
  const { container, parameters, package: facts } = request;
  const name = serviceNameOf(request);
  requireSafePackage(facts);
  const path = normalisePath(parameters.path ?? '/', 'parameters.path');
  const below = path === '/' ? '' : path;
  const root = normalisePath(container.documentRoot ?? DEFAULT_DOCUMENT_ROOT, 'documentRoot') + below;
  const staging = `${root}/.coppice-${request.serviceName}`;
  const accessPath = `${below}/${landingPage(facts)}`;
  const publish = runScript(PUBLISH, [root, staging, `/opt/coppice/${request.serviceName}.entries`]);
  return {
    name,
    actions: facts.kind === 'none' ? [] : [runScript(PREPARE, [staging]), putInto(staging, facts), publish],
    start: [],
    stop: [],
    containerProbe: {
      kind: 'http',
      port: container.port,
      path: '/',
      scheme: container.scheme ?? 'http',
      expectStatusBelow: CONTAINER_ANSWERS_BELOW,
    },
    serviceProbe: requestedProbe(request) ?? httpServiceProbe(request, accessPath),
    accessPath,
  };
}

/** A package of one file is reached at that file, unless web servers show it for the directory, like index.html. */
function landingPage(facts: PackageFacts): string {
  const only = onlyFile(facts);
  return only === undefined || /^index\.html?$/.test(only)
    ? ''
    : only.split('/').map(encodeURIComponent).join('/');
}

function onlyFile(facts: PackageFacts): string | undefined {
  if (facts.kind === 'archive') return facts.format === 'file' ? facts.fileName : undefined;
  return facts.kind === 'files' && facts.files.length === 1 ? facts.files[0]?.name : undefined;
}
