import type { Container, EnvVar } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { dataKeyProblems, envNameProblems, subdomainProblems } from '../../validation/names.ts'
import { checkFieldRef, checkResourceFieldRef } from './downward-api.ts'

const FIELDS = [
  ...['metadata.name', 'metadata.namespace', 'metadata.uid', 'spec.nodeName', 'spec.serviceAccountName'],
  ...['status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'],
]

interface KeySelector {
  readonly name?: string
  readonly key?: string
}

interface EnvFromSource {
  readonly prefix?: string
  readonly configMapRef?: { readonly name?: string }
  readonly secretRef?: { readonly name?: string }
}

/** Rules of a container's environment (upstream `ValidateEnv` and `ValidateEnvFrom`). */
export function checkEnvironment({ env, envFrom }: Container, found: Findings): void {
  found.each(env, 'env', checkVariable)
  envFrom?.forEach((source: EnvFromSource, index) => {
    found.within(source, `envFrom[${index}]`, checkPrefixAndSources)
    const { configMapRef, secretRef } = source
    // Upstream blames the list for these.
    if (configMapRef === undefined && secretRef === undefined) {
      found.invalid('envFrom', '', 'must specify one of: `configMapRef` or `secretRef`')
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      found.invalid('envFrom', '', 'may not have more than one field specified at a time')
    }
  })
}

function checkPrefixAndSources({ prefix, configMapRef, secretRef }: EnvFromSource, found: Findings): void {
  if (prefix) found.problems('prefix', prefix, envNameProblems(prefix))
  found.within(configMapRef, 'configMapRef', checkSource)
  found.within(secretRef, 'secretRef', checkSource)
}

function checkSource({ name }: { readonly name?: string }, found: Findings): void {
  if (!name) found.required('name')
  else found.problems('name', name, subdomainProblems(name.replace(/-$/, 'a')))
}

function checkVariable({ name, value, valueFrom }: EnvVar, found: Findings): void {
  if (!name) found.required('name')
  else found.problems('name', name, envNameProblems(name))
  found.within(valueFrom, 'valueFrom', (from) => checkValueFrom(from, value, found))
}

function checkValueFrom(
  from: NonNullable<EnvVar['valueFrom']> & { readonly fileKeyRef?: object },
  value: string | undefined,
  found: Findings,
): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = from
  found.within(fieldRef, 'fieldRef', (field) => checkFieldRef(field, FIELDS, found))
  found.within(resourceFieldRef, 'resourceFieldRef', (field) => checkResourceFieldRef(field, false, found))
  found.within(configMapKeyRef, 'configMapKeyRef', checkKey)
  found.within(secretKeyRef, 'secretKeyRef', checkKey)
  let sources = 0
  for (const source of [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef]) {
    if (source !== undefined) sources++
  }
  if (sources === 0) {
    found.invalid('', '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`')
  } else if (value) found.invalid('', '', 'may not be specified when `value` is not empty')
  else if (sources > 1) found.invalid('', '', 'may not have more than one field specified at a time')
}

function checkKey({ name = '', key }: KeySelector, found: Findings): void {
  found.problems('name', name, subdomainProblems(name))
  if (!key) found.required('key')
  else found.problems('key', key, dataKeyProblems(key))
}
