import { expect, it } from 'vitest';
import { checksumOf, readChecksums } from './checksums.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const LONG = 'c'.repeat(128);

it.each([
  ['GNU', `${A}  disk.qcow2`, 'disk.qcow2'],
  ['GNU, binary', `${A} *disk.qcow2`, 'disk.qcow2'],
  ['GNU, a path', `${A}  ./images/disk.qcow2`, './images/disk.qcow2'],
  ['GNU, a name with blanks', `${A}  my disk (1).qcow2`, 'my disk (1).qcow2'],
  ['GNU, upper case and a carriage return', `${A.toUpperCase()}  disk.qcow2\r`, 'disk.qcow2'],
  ['BSD', `SHA256 (disk.qcow2) = ${A}`, 'disk.qcow2'],
  ['a digest alone', A, ''],
])('reads the form of %s', (_, line, name) => {
  const around = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# disk.qcow2: 5 bytes\n${line}\n`;
  expect(readChecksums(around)).toEqual([{ algorithm: 'sha256', hex: A, name }]);
});

it.each([
  '',
  '<html>',
  `${A} disk.qcow2`,
  `${A.slice(1)}  disk.qcow2`,
  `MD5 (disk.qcow2) = ${'a'.repeat(32)}`,
  `SHA512 (disk.qcow2) = ${A}`,
  `SHA256 (disk.qcow2) = ${LONG}`,
  `${'a'.repeat(40)}  disk.qcow2`,
])('passes over %s', (line) => {
  expect(readChecksums(line)).toEqual([]);
});

it('finds a file by its name, wherever it lies', () => {
  const text = `${B}  disk.qcow2.asc\n${A} *./x/disk.qcow2\n${LONG}  disk.qcow2\n`;
  expect(checksumOf(readChecksums(text), 'disk.qcow2')).toMatchObject({ algorithm: 'sha256', hex: A });
  expect(checksumOf(readChecksums(text), 'other.qcow2')).toBeUndefined();
  expect(checksumOf(readChecksums(`${LONG}  disk.qcow2`), 'disk.qcow2')).toMatchObject({ hex: LONG });
  expect(checksumOf(readChecksums(A), 'disk.qcow2')).toMatchObject({ hex: A });
  expect(checksumOf(readChecksums(`${A}\n${B}  disk.qcow2`), 'disk.qcow2')).toMatchObject({ hex: B });
});

it('does not choose between two digests', () => {
  const text = `${B}  amd64/disk.qcow2\n${A}  arm64/disk.qcow2\n`;
  expect(() => checksumOf(readChecksums(text), 'disk.qcow2')).toThrow(
    'several files of the name disk.qcow2 different digests (amd64/disk.qcow2, arm64/disk.qcow2)',
  );
  expect(checksumOf(readChecksums(text.replaceAll(B, A)), 'disk.qcow2')).toMatchObject({ hex: A });
});
