import type { Command } from 'commander';

/** What a new Template is, besides its image. */
export type TemplateOptions = {
  readonly series?: string;
  readonly version?: string;
  readonly container?: string;
  readonly minimumMemory?: string;
};

export function addTemplateOptions(command: Command): Command {
  return command
    .option('--series <name>', 'series of which it is a version')
    .option('--version <version>', 'version within the series')
    .option('--container <type>', 'what runs services in it: static-site or command')
    .option('--minimum-memory <amount>', 'memory with which the guest boots, such as 512Mi');
}

/** The spec of a Template of this source. */
export function specOf(source: object, options: TemplateOptions) {
  const { series, version, container, minimumMemory } = options;
  return {
    ...(series === undefined ? {} : { series }),
    ...(version === undefined ? {} : { version }),
    source,
    ...(minimumMemory === undefined ? {} : { guest: { minimumMemory } }),
    ...(container === undefined ? {} : { container: { type: container } }),
  };
}
