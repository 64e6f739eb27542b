{{- define "coppice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "coppice.operatorName" -}}
{{ include "coppice.fullname" . }}-operator
{{- end -}}

{{- define "coppice.operatorServiceAccount" -}}
{{ .Values.operator.serviceAccount.name | default (include "coppice.operatorName" .) }}
{{- end -}}

{{- define "coppice.hostName" -}}
{{ include "coppice.fullname" . }}-host
{{- end -}}

{{- define "coppice.hostSelector" -}}
app.kubernetes.io/name: coppice
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: host
{{- end -}}

{{- define "coppice.labels" -}}
app.kubernetes.io/name: coppice
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "coppice.operatorSelector" -}}
app.kubernetes.io/name: coppice
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end -}}

{{- define "coppice.operatorLabels" -}}
{{ include "coppice.labels" . }}
app.kubernetes.io/component: operator
{{- end -}}

{{- /* Tells the Service of the metrics from that for joining. */ -}}
{{- define "coppice.metricsComponent" -}}
app.kubernetes.io/component: operator-metrics
{{- end -}}

{{- define "coppice.image" -}}
{{ .image.repository }}:{{ .image.tag | default .appVersion }}
{{- end -}}

{{- /* What every container but the host daemon's is confined to. */ -}}
{{- define "coppice.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "coppice.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
