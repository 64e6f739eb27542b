import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { load } from 'js-yaml';

interface ValueSchema {
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, ValueSchema>>;
}

/** The page with every value of the charts in these folders, from their schemas and defaults. */
export async function generateValuesPage(root: string, charts: readonly string[]): Promise<string> {
  const sections = await Promise.all(charts.map((chart) => section(join(root, chart), chart)));
  return `# Values of the charts

Generated from each chart's \`values.schema.json\` and \`values.yaml\` by \`npm run generate\`. [helm.md](helm.md) says how to use them.

${sections.join('\n')}`;
}

async function section(folder: string, title: string): Promise<string> {
  const schema = JSON.parse(await readFile(join(folder, 'values.schema.json'), 'utf8')) as ValueSchema;
  const values = load(await readFile(join(folder, 'values.yaml'), 'utf8'));
  const rows = rowsOf(schema, values, '', title);
  return `## ${title}\n\n| Value | Default | What it is |\n|---|---|---|\n${rows.join('\n')}\n`;
}

/** Depth first; a value without a word in the schema, or a default that the schema does not know, is a mistake. */
function rowsOf({ properties = {} }: ValueSchema, values: unknown, prefix: string, chart: string): string[] {
  const defaults = (values ?? {}) as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(defaults).find((name) => properties[name] === undefined);
  if (unknown !== undefined) throw new Error(`${chart}/values.schema.json does not know ${prefix}${unknown}`);
  return Object.entries(properties).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    if (property.description === undefined) throw new Error(`${chart}: ${path} has no description`);
    if (path === 'global') return [];
    if (property.properties !== undefined) return rowsOf(property, defaults[name], `${path}.`, chart);
    if (!(name in defaults)) throw new Error(`${chart}/values.yaml has no ${path}`);
    return [
      `| \`${path}\` | \`${JSON.stringify(defaults[name])}\` | ${property.description}${bounds(property)} |`,
    ];
  });
}

function bounds({ enum: values, minimum, maximum }: ValueSchema): string {
  if (values !== undefined) return ` One of ${values.map((value) => `\`${value}\``).join(', ')}.`;
  return minimum === undefined ? '' : ` From ${minimum} to ${maximum}.`;
}
