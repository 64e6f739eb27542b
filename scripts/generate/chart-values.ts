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

export interface ChartTexts {
  /** Its folder in the repository. */
  readonly chart: string;
  /** The text of `values.schema.json`. */
  readonly schema: string;
  /** The text of `values.yaml`. */
  readonly values: string;
}

/** The page with every value of these charts, from their schemas and defaults. */
export function generateValuesPage(charts: readonly ChartTexts[]): string {
  const sections = charts.map(section);
  return `# Values of the charts

Generated from each chart's \`values.schema.json\` and \`values.yaml\` by \`npm run generate\`. [helm.md](helm.md) says how to use them.

${sections.join('\n')}`;
}

function section({ chart, schema, values }: ChartTexts): string {
  const rows = rowsOf(JSON.parse(schema) as ValueSchema, load(values), '', chart);
  return `## ${chart}\n\n| Value | Default | What it is |\n|---|---|---|\n${rows.join('\n')}\n`;
}

/** Depth first; a value without a description in the schema, or a default that the schema does not have, is an error. */
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
