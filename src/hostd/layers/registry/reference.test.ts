import { expect, it } from 'vitest';
import { isContainerImage, readReference } from './reference.ts';

it.each([
  ['docker://quay.io/containerdisks/debian:12', 'https://quay.io', 'containerdisks/debian'],
  ['docker://quay.io/containerdisks/debian', 'https://quay.io', 'containerdisks/debian'],
  ['docker://docker.io/library/disk', 'https://registry-1.docker.io', 'library/disk'],
  ['docker://registry.example:5000/a/b/c_d.e-f', 'https://registry.example:5000', 'a/b/c_d.e-f'],
  ['docker://localhost:5000/disk:v1', 'http://localhost:5000', 'disk'],
  ['docker://127.0.0.1/disk', 'http://127.0.0.1', 'disk'],
  ['docker://localhost.example/disk', 'https://localhost.example', 'disk'],
])('%s is at %s', (url, registry, repository) => {
  expect(isContainerImage(url)).toBe(true);
  const tag = /:([^:/]+)$/.exec(url)?.[1] ?? 'latest';
  expect(readReference(url)).toEqual({ registry, repository, tag });
});

it.each([
  'docker://disk',
  'docker:///disk',
  'docker://user@registry/disk',
  'docker://registry/../etc',
  'docker://registry/a//b',
  'docker://registry/disk?x',
  'docker://registry/disk@sha256:00',
  'docker://registry/DISK',
])('%s is no container image', (url) => {
  expect(() => readReference(url)).toThrow(/not an address of a kind that is fetched/);
});
