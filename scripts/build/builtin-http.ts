import http from 'node:http';
import type { Plugin } from 'rolldown';

const NAME = /^(?:node:)?http$/;
const MODULE = 'virtual:builtin-http';

/** Getters, each of which loads all of Node's own undici. */
const LAZY = ['WebSocket', 'CloseEvent', 'MessageEvent'];

/**
 * Lets modules have node:http without its lazy parts: Node's `import` of a built-in module reads every property of it, and so loads
 * its own undici, 13 MiB that nothing here uses; `require` does not.
 */
export function builtinHttp(): Plugin {
  const names = Object.keys(http).filter((name) => !LAZY.includes(name));
  return {
    name: 'builtin-http',
    resolveId: {
      filter: { id: NAME },
      handler: (_id, _importer, { kind }) => (kind === 'import-statement' ? MODULE : null),
    },
    load: {
      filter: { id: /^virtual:builtin-http$/ },
      handler: () =>
        `const http = process.getBuiltinModule('node:http');\nexport default http;\nexport const { ${names.join(', ')} } = http;`,
    },
  };
}
