/** Name rules of k8s.io/apimachinery/pkg/util/validation: undefined when the name is good, else what it must be. */

import { randomInt } from 'node:crypto';

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const STRICT_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const STRICT_LABEL_PATTERN = new RegExp(`^${STRICT_LABEL}$`);
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_PATTERN = new RegExp(`^${LABEL}$`);
const SUBDOMAIN_PATTERN = new RegExp(`^${SUBDOMAIN}$`);
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const QUALIFIED_PATTERN = new RegExp(`^${QUALIFIED}$`);
const LABEL_VALUE_PATTERN = new RegExp(`^(${QUALIFIED})?$`);

export function subdomainProblem(name: string): string | undefined {
  if (name.length > 253) return 'must be no more than 253 characters';
  if (SUBDOMAIN_PATTERN.test(name)) return undefined;
  return `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${SUBDOMAIN}')`;
}

export function labelProblem(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters';
  if (LABEL_PATTERN.test(name)) return undefined;
  if (name.includes('.')) return 'must not contain dots';
  return `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${LABEL}')`;
}

/** Names that must begin with a letter: versions of a kind. */
export function strictLabelProblem(name: string): string | undefined {
  if (name.length > 63) return 'must be no more than 63 characters';
  if (STRICT_LABEL_PATTERN.test(name)) return undefined;
  return `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '${STRICT_LABEL}')`;
}

/** Why a label or annotation key, or a finalizer (`prefix/name` or `name`), is none: kube lists every reason. */
export function qualifiedNameProblems(value: string): string[] {
  const parts = value.split('/');
  const name = parts.at(-1) ?? '';
  const rule = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${QUALIFIED}')`;
  if (parts.length > 2) {
    return [
      `a qualified name ${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const problems: string[] = [];
  if (parts.length === 2) {
    const problem = parts[0] === '' ? 'must be non-empty' : subdomainProblem(parts[0] ?? '');
    if (problem !== undefined) problems.push(`prefix part ${problem}`);
  }
  if (name === '') problems.push('name part must be non-empty');
  if (name.length > 63) problems.push('name part must be no more than 63 characters');
  if (!QUALIFIED_PATTERN.test(name)) problems.push(`name part ${rule}`);
  return problems;
}

export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 characters';
  if (LABEL_VALUE_PATTERN.test(value)) return undefined;
  return `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(${QUALIFIED})?')`;
}

/** kube's characters for generated names: they form no words and are not easily confused. */
const NAME_CHARACTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** Five random characters for the end of a generated name. */
export function nameSuffix(): string {
  return Array.from({ length: 5 }, () => NAME_CHARACTERS[randomInt(NAME_CHARACTERS.length)]).join('');
}
