/** Finds fields that are looked up by a name from elsewhere in a way that also finds what every object inherits. */

import { relative } from 'node:path';
import {
  type ElementAccessExpression,
  isAsExpression,
  isBinaryExpression,
  isDeleteExpression,
  isElementAccessExpression,
  type Node,
  type SourceFile,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { API, type Checker, type Type, TypeFlags } from 'typescript/unstable/sync';

const TEXT = TypeFlags.String | TypeFlags.TemplateLiteral | TypeFlags.StringMapping;

/**
 * Each `record[name]` and `name in record` in the files of a project that `isChecked` lets through, as `file:line: text`, where the
 * name is any string and the record may have any field. Deletions are left out: they find no inherited field.
 *
 * @param root absolute path of the folder with the project's tsconfig.json
 */
export function inheritedLookups(root: string, isChecked: (file: string) => boolean): string[] {
  const api = new API({ cwd: root });
  try {
    const [project] = api.updateSnapshot({ openProjects: [`${root}/tsconfig.json`] }).getProjects();
    if (project === undefined) throw new Error(`no project in ${root}`);
    const { program, checker } = project;
    const files = program.getSourceFileNames().filter((file) => isChecked(relative(root, file)));
    return files.flatMap((file) => {
      const source = program.getSourceFile(file);
      return source === undefined
        ? []
        : lookupsIn(source, checker).map((at) => `${relative(root, file)}:${at}`);
    });
  } finally {
    api.close();
  }
}

function lookupsIn(source: SourceFile, checker: Checker): string[] {
  const found: string[] = [];
  const visit = (node: Node): void => {
    if (isDeleteExpression(node)) return;
    if (isLookup(node, checker)) {
      const start = node.getStart(source);
      const line = source.text.slice(0, start).split('\n').length;
      found.push(`${line}: ${source.text.slice(start, node.end)}`);
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
}

function isLookup(node: Node, checker: Checker): boolean {
  if (isElementAccessExpression(node)) return isOfAnyName(node, checker);
  if (!isBinaryExpression(node) || node.operatorToken.kind !== SyntaxKind.InKeyword) return false;
  return isText(checker.getTypeAtLocation(node.left));
}

function isOfAnyName({ expression, argumentExpression }: ElementAccessExpression, checker: Checker): boolean {
  // Who has to say that a name is one of a few does not know it.
  if (isAsExpression(argumentExpression)) return true;
  const type = checker.getTypeAtLocation(expression);
  if (type === undefined || !isText(checker.getTypeAtLocation(argumentExpression))) return false;
  const record = checker.getNonNullableType(type) ?? type;
  return checker.getIndexInfosOfType(record).some(({ keyType }) => isText(keyType));
}

function isText(type: Type | undefined): boolean {
  return type !== undefined && (type.flags & TEXT) !== 0;
}
