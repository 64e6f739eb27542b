/**
 * Cases in which the embedded server answers otherwise than kube-apiserver, by name. Why, and what that means, is in
 * docs/embedded-api.md. A case that no longer differs must go from here.
 */
export const knownDifferences: ReadonlySet<string> = new Set([
  'create without a name',
  'create as the wrong version',
  'create a built-in kind as the wrong kind',
  'apply no YAML',
  'page by page, selected',
  'go on from nowhere',
  'OpenAPI of custom resources',
  'OpenAPI of nothing',
  'definition: with a pattern that is none',
  'an embedded object with bad labels',
  'a review of the wrong kind',
  'a lease with times that are none',
  'a lease with times in whole seconds',
]);
