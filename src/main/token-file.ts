import { readFile } from 'node:fs/promises';
import type { TokenUser } from '../apiserver/auth/types.ts';

/** `token,user,uid` and, perhaps in quotes, the groups. */
const LINE = /^([^,"\s]+),([^,"]+),([^,"]*)(?:,(?:"([^"]*)"|([^,"]*)))?$/;

/**
 * Reads bearer tokens as kube-apiserver's --token-auth-file has them, one a line: `token,user,uid,"group1,group2"`. The
 * groups and the uid may be left out. Rejects with the number of a line that is wrong, never with what it says.
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file
 */
export async function readTokenFile(path: string): Promise<TokenUser[]> {
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/);
  return lines.flatMap((line, index) => {
    if (line.trim() === '') return [];
    const [, token, user, uid, quoted, plain] = LINE.exec(line.trim()) ?? [];
    if (token === undefined || user === undefined) {
      throw new Error(`${path}: line ${index + 1} is not token,user,uid,"group1,group2"`);
    }
    const groups = (quoted ?? plain ?? '').split(',').map((group) => group.trim());
    return [{ token, user, ...(uid ? { uid } : {}), groups: groups.filter((group) => group !== '') }];
  });
}
