{{- /* The container's environment: the root context and a set. */ -}}
{{- define "carousel.env" -}}
{{- $root := index . 0 -}}
{{- $set := index . 1 -}}
{{- $values := $root.Values -}}
- name: CAROUSEL_HOST
  value: 0.0.0.0
- name: CAROUSEL_PORT
  value: "8000"
{{- if $set.volume }}
- name: CAROUSEL_CHECKPOINTS
  value: /var/lib/carousel/checkpoints
{{- end }}
- name: CAROUSEL_DEVICE
  value: {{ $values.device }}
- name: CAROUSEL_PRECISION
  value: {{ $set.precision }}
{{- if not (hasKey $values.settings "threads") }}
- name: CAROUSEL_THREADS
  valueFrom:
    resourceFieldRef:
      containerName: carousel
      resource: requests.cpu
{{- end }}
{{- if $values.allowedHosts }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: CAROUSEL_ALLOWED_HOSTS
  value: {{ include "carousel.allowedHosts" $root | quote }}
{{- end }}
- name: CAROUSEL_STATE_KEY
  valueFrom:
    secretKeyRef:
      {{- if $values.stateKeys.existingSecret }}
      name: {{ $values.stateKeys.existingSecret }}
      key: {{ $values.stateKeys.entry | quote }}
      {{- else }}
      name: {{ include "carousel.keysSecret" $root }}
      key: state-keys
      {{- end }}
{{- if $values.apiKeys.required }}
- name: CAROUSEL_API_KEYS_FILE
  value: /etc/carousel/keys/api-keys.json
{{- else }}
- name: CAROUSEL_PUBLIC_WITHOUT_KEYS
  value: "true"
{{- end }}
- name: CAROUSEL_DRAIN_DELAY_S
  value: {{ $values.drain.delaySeconds | quote }}
- name: CAROUSEL_SHUTDOWN_TIMEOUT_S
  value: {{ $values.drain.timeoutSeconds | quote }}
{{- range $name, $value := $values.settings }}
- name: CAROUSEL_{{ upper $name }}
  value: {{ include "carousel.number" $value | quote }}
{{- end }}
{{- with $values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
