/**
 * A chart's template of one definition, from its file in `crds/`: the same text, with what Helm needs to leave it alone
 * on uninstall. A definition's deletion takes every object of its kind with it.
 */
export function generateCrdTemplate(file: string, text: string): string {
  // Helm takes braces for its own, wherever they stand.
  const quoted = text.replaceAll(/\{\{|\}\}/g, (braces) => `{{ ${JSON.stringify(braces)} }}`);
  const metadata = /^metadata:\n {2}name: [a-z.]+\n/m;
  if (!metadata.test(quoted)) throw new Error(`crds/${file}: metadata must be a name alone`);
  const annotated = quoted.replace(metadata, (found) => found + ANNOTATIONS);
  return `# Generated from crds/${file} by \`npm run generate\`. Do not edit.\n${annotated}`;
}

const ANNOTATIONS = `  {{- if or .Values.keep .Values.annotations }}
  annotations:
    {{- if .Values.keep }}
    helm.sh/resource-policy: keep
    {{- end }}
    {{- with .Values.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
`;
