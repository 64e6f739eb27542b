import { type GuestScript, putInto, runScript } from './actions.ts';
import { normalisePath, requireSafePackage, serviceNameOf } from './names.ts';
import { httpServiceProbe, requestedProbe } from './probes.ts';
import { prepare, RELEASES, stagingIn } from './releases.ts';
import type { PackageFacts, ServicePlan, ServiceRequest } from './types.ts';

const DEFAULT_DOCUMENT_ROOT = '/srv/www';
/** Even "not found" shows that the server runs: before the first package there is nothing to find. */
const CONTAINER_ANSWERS_BELOW = 500;

/** $1 served directory, $2 the folder of releases in it. The web server reads what the link leads to, so only that is kept. */
const SWEEP = `holder=$1/$2
${RELEASES}sweep ''
`;

/**
 * $1 served directory, $2 the folder of releases in it. The directory itself is never replaced: a server whose working directory it
 * is, like busybox httpd, would serve the old one further. So each of its entries is a link through the release in use, and all of
 * them change at once: links of new entries lead nowhere before the swap, and those of old ones lead nowhere after it. What else has
 * an entry's place, of the template for example, first becomes a part of the old release. Only links that lead into our folder are
 * ours, and are ever removed; links are relative, for servers that see the directory as their root.
 */
const PUBLISH: GuestScript = {
  title: 'move the package into the served directory',
  timeoutSeconds: 120,
  text: `holder=$2
cd "$1"
${RELEASES}ours() { [ -L "./$1" ] && case $(b readlink "./$1") in "$holder/current/"*) ;; *) return 1 ;; esac; }
keep
release=$number
b chmod -R a+rX "$holder/$release"
for path in "$holder/$release"/* "$holder/$release"/.[!.]* "$holder/$release"/..?*; do
  if ! [ -e "$path" ] && ! [ -L "$path" ]; then continue; fi
  entry=\${path##*/}
  if ours "$entry"; then continue; fi
  if [ -e "./$entry" ] || [ -L "./$entry" ]; then
    if ! [ -d "$holder/current" ]; then
      while [ -e "$holder/$number" ]; do number=$((number + 1)); done
      b mkdir "$holder/$number"
      swap "$number"
    fi
    b rm -rf "$holder/current/$entry"
    b ln "./$entry" "$holder/current/$entry" 2>/dev/null || b mv "./$entry" "$holder/current/$entry"
  fi
  put "$holder/current/$entry" . "$entry"
done
use "$release"
for path in ./* ./.[!.]* ./..?*; do
  entry=\${path#./}
  if [ -e "$holder/current/$entry" ] || [ -L "$holder/current/$entry" ]; then continue; fi
  if ours "$entry"; then b rm -f "./$entry"; fi
done
sweep '' || :
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
  const folder = `.coppice-${request.serviceName}`;
  const staging = stagingIn(`${root}/${folder}`);
  const accessPath = `${below}/${landingPage(facts)}`;
  const install = (contents: Exclude<PackageFacts, { kind: 'none' }>) => [
    prepare(SWEEP, [root, folder]),
    putInto(staging, contents),
    runScript(PUBLISH, [root, folder]),
  ];
  return {
    name,
    actions: facts.kind === 'none' ? [] : install(facts),
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
