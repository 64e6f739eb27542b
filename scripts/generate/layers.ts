import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { layerRules, mayImportText, patternsOf, ROOMS } from '../layers.ts';

const root = join(import.meta.dirname, '../..');
const BEGIN = '<!-- rooms: from scripts/layers.ts by `npm run generate` -->';
const END = '<!-- end of rooms -->';

interface Override {
  readonly includes: readonly string[];
  readonly linter?: { readonly rules?: { readonly style?: { readonly noRestrictedImports?: unknown } } };
}

/** The text of `biome.json` with a rule for each room; overrides about other things stay, behind them. */
export function withLayersInLinter(text: string): Promise<string> {
  const config = JSON.parse(text) as { readonly overrides: readonly Override[] };
  const others = config.overrides.filter(
    ({ linter }) => linter?.rules?.style?.noRestrictedImports === undefined,
  );
  return formatted(JSON.stringify({ ...config, overrides: [...layerOverrides(), ...others] }, null, 2));
}

function layerOverrides(): readonly Override[] {
  return layerRules(root).map((rule) => ({
    includes: [`${rule.path}/**`],
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: 'error',
            options: { patterns: [{ group: patternsOf(rule), message: rule.message }] },
          },
        },
      },
    },
  }));
}

/** As the linter itself wants the file. */
function formatted(text: string): Promise<string> {
  const biome = join(root, 'node_modules/.bin/biome');
  return new Promise((resolve, reject) => {
    const child = execFile(
      biome,
      ['format', '--stdin-file-path=biome.json'],
      { cwd: root },
      (error, stdout) => {
        if (error === null) resolve(stdout);
        else reject(error);
      },
    );
    child.stdin?.end(text);
  });
}

/** The text of docs/architecture.md with the table of the rooms. */
export function withLayersInPage(text: string): string {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`docs/architecture.md must have "${BEGIN}" and "${END}" around its table`);
  const rows = ROOMS.filter(({ holds }) => holds !== '').map(
    (room) => `| \`${room.path}/\` | ${room.holds} | ${mayImportText(room)} |`,
  );
  const table = ['| Folder | What is in it | May import |', '|---|---|---|', ...rows].join('\n');
  return `${before}${BEGIN}\n\n${table}\n\n${END}${after}`;
}
