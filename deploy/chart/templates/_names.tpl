{{/* The services of the suite. */}}
{{- define "devspaces.services" -}}space membership billing marketplace{{- end }}

{{- define "devspaces.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* Labels of what belongs to one service: a list of the context and its name. */}}
{{- define "devspaces.selector" -}}
{{- $context := index . 0 -}}
app.kubernetes.io/name: devspaces
app.kubernetes.io/instance: {{ $context.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{- define "devspaces.labels" -}}
{{- $context := index . 0 -}}
{{ include "devspaces.selector" . }}
app.kubernetes.io/version: {{ $context.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $context.Release.Service }}
{{- end }}

{{/* Nobody in particular, with no rights. */}}
{{- define "devspaces.pod-security" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "devspaces.container-security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{/* Where the services find one another: names that stand for all pods, ready or not. */}}
{{- define "devspaces.peers" -}}
{{- $context := . -}}
{{- $scheme := ternary "https" "http" .Values.tls.enabled -}}
{{- $peers := list -}}
{{- range $service := splitList " " (include "devspaces.services" .) -}}
{{- $peers = append $peers (printf "%s=%s://%s-%s-peers:7000" $service $scheme $context.Release.Name $service) -}}
{{- end -}}
{{ join "," $peers }}
{{- end }}

{{/* The volume and the mount of the databases' authority. */}}
{{- define "devspaces.authority-mount" -}}
{{- if .Values.secrets.databaseAuthority }}
- { name: database-authority, mountPath: /run/database, readOnly: true }
{{- end }}
{{- end }}
{{- define "devspaces.authority-volume" -}}
{{- if .Values.secrets.databaseAuthority }}
- name: database-authority
  secret: { secretName: {{ .Values.secrets.databaseAuthority | quote }} }
{{- end }}
{{- end }}
