{{- define "carousel.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "carousel.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "carousel.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "carousel.selector" . }}
{{- end -}}

{{- /*
The Deployments, as JSON {"items": […]}: each with its name, its suffix (empty without sets), labels, and what it serves.
A name has digest and precision, so that a Deployment never changes to other checkpoints.
*/ -}}
{{- define "carousel.sets" -}}
{{- $root := . -}}
{{- $checkpoints := .Values.checkpoints -}}
{{- $items := list -}}
{{- range $set := default (list (dict)) $checkpoints.sets -}}
{{- $precision := default $root.Values.precision $set.precision -}}
{{- $suffix := "" -}}
{{- $labels := dict -}}
{{- if $checkpoints.sets -}}
{{- $digest := $set.digest | trimPrefix "sha256:" | trunc 12 -}}
{{- $suffix = printf "%s-%s" $digest $precision -}}
{{- $labels = dict "carousel/checkpoint" $suffix -}}
{{- end -}}
{{- $items = append $items (dict
  "name" (printf "%s-%s" (include "carousel.fullname" $root) $suffix | trimSuffix "-")
  "suffix" $suffix
  "labels" $labels
  "digest" (default "" $set.digest)
  "precision" $precision
  "image" (include "carousel.image" (list $root (default (dict) $set.image)))
  "volume" (default $checkpoints.volume $set.volume)
  "subPath" (default $checkpoints.subPath $set.subPath)
  "replicas" (default $root.Values.replicas $set.replicas)) -}}
{{- end -}}
{{- dict "items" $items | toJson -}}
{{- end -}}

{{- /* A set's tag takes the place of the digest too: it names another image. */ -}}
{{- define "carousel.image" -}}
{{- $root := index . 0 -}}
{{- $own := index . 1 -}}
{{- $image := $root.Values.image -}}
{{- $digest := ternary $own.digest $image.digest (or (not (empty $own.tag)) (not (empty $own.digest))) -}}
{{- if $digest -}}
{{- printf "%s@%s" $image.repository $digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (coalesce $own.tag $image.tag $root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "carousel.keysSecret" -}}
{{ include "carousel.fullname" . }}-keys
{{- end -}}

{{- /* Whole numbers in full: a template prints large ones as 1.6e+06. */ -}}
{{- define "carousel.number" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}
{{- printf "%.0f" . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{- /* Names by which the service may be called, besides those of the values: its own in the cluster. */ -}}
{{- define "carousel.allowedHosts" -}}
{{- $root := . -}}
{{- $names := .Values.allowedHosts -}}
{{- $services := list (include "carousel.fullname" .) -}}
{{- range (include "carousel.sets" . | fromJson).items -}}
{{- $services = append $services .name -}}
{{- end -}}
{{- range $service := uniq $services -}}
{{- $full := printf "%s.%s" $service $root.Release.Namespace -}}
{{- $names = concat $names (list $service $full (printf "%s.svc" $full) (printf "%s.svc.cluster.local" $full)) -}}
{{- end -}}
{{- append $names "$(POD_IP)" | join "," -}}
{{- end -}}

{{- define "carousel.check" -}}
{{- if not (or .Values.stateKeys.values .Values.stateKeys.existingSecret) -}}
{{- fail "stateKeys: values or existingSecret is needed; `carousel state-key` makes a key" -}}
{{- end -}}
{{- if and .Values.apiKeys.required (not (or .Values.apiKeys.file .Values.apiKeys.existingSecret)) -}}
{{- fail "apiKeys: file or existingSecret is needed, or required=false; `carousel keys add` makes a file" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.apiKeys.required (not .Values.serviceMonitor.keySecret.name) -}}
{{- fail "serviceMonitor.keySecret.name: a Secret with an API key is needed, as /metrics needs one (apiKeys.required)" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- fail "ingress.hosts: at least one is needed" -}}
{{- end -}}
{{- if and (eq .Values.autoscaling.kind "keda") (not .Values.autoscaling.keda.serverAddress) -}}
{{- fail "autoscaling.keda.serverAddress: the address of Prometheus is needed" -}}
{{- end -}}
{{- if gt (int .Values.autoscaling.minReplicas) (int .Values.autoscaling.maxReplicas) -}}
{{- fail "autoscaling.minReplicas: it is more than maxReplicas" -}}
{{- end -}}
{{- if .Values.checkpoints.sets -}}
{{- $suffixes := list -}}
{{- range (include "carousel.sets" . | fromJson).items -}}
{{- $suffixes = append $suffixes .suffix -}}
{{- end -}}
{{- if not (has .Values.checkpoints.active $suffixes) -}}
{{- fail (printf "checkpoints.active: %q is none of the sets %s" .Values.checkpoints.active (join ", " $suffixes)) -}}
{{- end -}}
{{- if ne (len $suffixes) (len (uniq $suffixes)) -}}
{{- fail (printf "checkpoints.sets: two have the same digest and precision: %s" (join ", " $suffixes)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
