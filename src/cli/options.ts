import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { load } from 'js-yaml';
import { type DriverName, driverFacts } from '../api/drivers.ts';
import { defaultDataDir } from '../main/local/layout.ts';

/** An option that can also be set by an environment variable; `--help` shows both. */
export function option(flags: string, description: string, env: string, fallback?: unknown): Option {
  const made = new Option(flags, description).env(env);
  return fallback === undefined ? made : made.default(fallback);
}

/** `--driver`, with what there is to choose from. */
export function driverOption(env: string, names: readonly DriverName[]): Option {
  const choices = names.map((name) => `${name} (${driverFacts(name).summary})`);
  return option('--driver <name>', `what runs the VMs: ${choices.join(', ')}`, env).choices(names);
}

export function dataDirOption(): Option {
  return option(
    '--data-dir <folder>',
    'folder with all data of this Coppice',
    'COPPICE_DATA_DIR',
    defaultDataDir({ ...process.env, COPPICE_DATA_DIR: undefined }),
  );
}

/**
 * Adds `--config <file>`: a YAML file whose keys are the command's long options (`state-dir: /var/lib/…`).
 * A flag wins over the environment, the environment over the file, the file over the default.
 */
export function withConfigFile(command: Command): Command {
  const file = option(
    '--config <file>',
    'YAML file with any of these options, by their long names',
    'COPPICE_CONFIG',
  );
  // Read during parsing: otherwise mandatory options could not come from the file.
  command.on('option:config', (path: string) => applyConfigFile(command, path));
  command.on('optionEnv:config', (path: string) => applyConfigFile(command, path));
  return command.addOption(file);
}

function applyConfigFile(command: Command, path: string): void {
  for (const [name, value] of Object.entries(readMapping(command, path))) {
    const known = command.options.find((candidate) => candidate.long === `--${name}`);
    if (known === undefined || name === 'config') {
      const names = command.options.flatMap(({ long }) => (long === '--config' ? [] : [long?.slice(2)]));
      command.error(`error: ${path}: unknown option '${name}'; known are ${names.join(', ')}`);
      return;
    }
    const parsed = parseValue(command, path, known, value);
    // Set after parsing: flags would add their values to a list that is set already.
    if (known.variadic) command.hook('preAction', () => takeFromFile(command, known, parsed));
    else takeFromFile(command, known, parsed);
  }
}

function takeFromFile(command: Command, known: Option, value: unknown): void {
  const name = known.attributeName();
  const source = command.getOptionValueSource(name);
  const isOpen = source === undefined || source === 'default' || source === 'config';
  if (isOpen) command.setOptionValueWithSource(name, value, 'config');
}

function readMapping(command: Command, path: string): Record<string, unknown> {
  let content: unknown;
  try {
    content = load(readFileSync(path, 'utf8')) ?? {};
  } catch (error) {
    command.error(`error: cannot read ${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    command.error(`error: ${path} must be a YAML mapping of option names to values`);
  }
  return content as Record<string, unknown>;
}

/** Parses the value as the flag's parser does. */
function parseValue(command: Command, path: string, known: Option, value: unknown): unknown {
  try {
    if (known.isBoolean()) {
      if (typeof value !== 'boolean') throw new InvalidArgumentError('it must be true or false');
      return value;
    }
    if (known.variadic && Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
    if (value === null || typeof value === 'object')
      throw new InvalidArgumentError('it must be a single value');
    return known.parseArg === undefined ? String(value) : known.parseArg(String(value), undefined);
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error;
    return command.error(`error: ${path}: '${known.long?.slice(2)}': ${error.message}`);
  }
}

/** Parser of `ADDRESS:PORT`; IPv6 addresses must be in brackets. */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port > 65_535)
    throw new InvalidArgumentError('it must be ADDRESS:PORT, such as 127.0.0.1:7443');
  return { host, port };
}

/** Names of network interfaces that Linux and `ip` accept, without characters that are special in a shell or a path. */
const INTERFACE_NAME = /^[A-Za-z0-9][-_.A-Za-z0-9]{0,14}$/;

/** Parser of the name of a network interface. */
export function parseInterfaceName(text: string): string {
  if (INTERFACE_NAME.test(text)) return text;
  throw new InvalidArgumentError('it must be the name of a network interface, such as br0');
}

/** Parser of a whole number within bounds. */
export function parseInteger(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`it must be a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

/** Parser of `NAMESPACE/NAME`. */
export function parseObjectName(text: string): { namespace: string; name: string } {
  const [, namespace, name] = /^([a-z0-9][-a-z0-9]*)\/([a-z0-9][-.a-z0-9]*)$/.exec(text) ?? [];
  if (namespace === undefined || name === undefined)
    throw new InvalidArgumentError('it must be NAMESPACE/NAME, such as coppice-system/coppice-hosts');
  return { namespace, name };
}
