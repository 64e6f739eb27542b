{{- /* The pod of a job that runs one command of the image. Takes root, account, args. */ -}}
{{- define "coppice.jobPod" -}}
restartPolicy: Never
serviceAccountName: {{ .account }}
enableServiceLinks: false
securityContext:
  {{- include "coppice.podSecurity" .root | nindent 2 }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: coppice
    image: {{ include "coppice.image" (dict "image" .root.Values.operator.image "appVersion" .root.Chart.AppVersion) }}
    imagePullPolicy: {{ .root.Values.operator.image.pullPolicy }}
    args:
      {{- toYaml .args | nindent 6 }}
    securityContext:
      {{- include "coppice.containerSecurity" .root | nindent 6 }}
{{- with .root.Values.operator.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.operator.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
