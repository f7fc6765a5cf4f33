import { isIP } from 'node:net'
import type { FieldError } from '../kind.ts'
import type { Ingress, IngressBackend, IngressPath, IngressRule } from '../types/networking.ts'
import { invalid, notSupported, required } from '../validation/field-error.ts'
import { legacyIpErrors } from '../validation/ip-fields.ts'
import {
  labelProblems,
  nameProblems,
  portNameProblems,
  portNumberProblems,
  subdomainProblems,
  wildcardProblems,
} from '../validation/names.ts'

const NO_NAME = 'must be a DNS name, not an IP address'
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F']
const BAD_SUFFIXES = ['/..', '/.']

/** Rules of an Ingress (upstream `ValidateIngressCreate` and `ValidateIngressUpdate`). */
export function validateIngress({ metadata, spec, status }: Ingress, old: Ingress | undefined): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  return [
    ...validateContent(spec),
    ...(spec.defaultBackend === undefined ? [] : validateBackend(spec.defaultBackend, 'spec.defaultBackend')),
    ...(spec.rules ?? []).flatMap((rule, index) => validateRule(rule, `spec.rules[${index}]`)),
    ...(spec.tls ?? []).flatMap((tls, index) => validateTls(tls, `spec.tls[${index}]`)),
    ...(spec.ingressClassName === undefined
      ? []
      : problems('spec.ingressClassName', spec.ingressClassName, subdomainProblems)),
    ...(old === undefined ? validateClass(metadata.annotations?.[CLASS_ANNOTATION], spec.ingressClassName) : []),
    ...validateStatus(status, old),
  ]
}

function validateClass(annotated: string | undefined, name: string | undefined): readonly FieldError[] {
  if (annotated === undefined || name === undefined || annotated === name) return []
  const text = 'must match `ingressClassName` when both are specified'
  return [invalid(`annotations.${CLASS_ANNOTATION}`, annotated, text)]
}

function validateStatus(status: Ingress['status'], old: Ingress | undefined): readonly FieldError[] {
  const kept = (old?.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? [])
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, index) => {
    const path = `status.loadBalancer.ingress[${index}]`
    return [
      ...(ip ? legacyIpErrors(`${path}.ip`, ip, kept) : []),
      ...(hostname ? problems(`${path}.hostname`, hostname, subdomainProblems) : []),
      ...(hostname && isIP(hostname) !== 0 ? [invalid(`${path}.hostname`, hostname, NO_NAME)] : []),
    ]
  })
}

function validateContent(spec: Ingress['spec']): readonly FieldError[] {
  if ((spec.rules ?? []).length > 0 || spec.defaultBackend !== undefined) return []
  return [invalid('spec', spec.rules ?? [], 'either `defaultBackend` or `rules` must be specified')]
}

function validateTls(
  { hosts, secretName }: NonNullable<Ingress['spec']['tls']>[number],
  path: string,
): readonly FieldError[] {
  return [
    ...(hosts ?? []).flatMap((host, index) => problems(`${path}.hosts[${index}]`, host, hostProblems)),
    ...(secretName ? problems(`${path}.secretName`, secretName, subdomainProblems) : []),
  ]
}

function validateRule({ host, http }: IngressRule, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  if (host) {
    if (isIP(host) !== 0) errors.push(invalid(`${path}.host`, host, NO_NAME))
    errors.push(...problems(`${path}.host`, host, hostProblems))
  }
  if (http === undefined) return errors
  const paths = http.paths ?? []
  if (paths.length === 0) return [...errors, required(`${path}.http.paths`)]
  return [...errors, ...paths.flatMap((each, index) => validatePath(each, `${path}.http.paths[${index}]`))]
}

/** `*.example.com` stands for any one label. */
function hostProblems(host: string): readonly string[] {
  return host.includes('*') ? wildcardProblems(host) : subdomainProblems(host)
}

function validatePath({ path: route = '', pathType, backend }: IngressPath, path: string): readonly FieldError[] {
  if (pathType === undefined) return [required(`${path}.pathType`, 'pathType must be specified')]
  return [...validateRoute(route, pathType, path), ...validateBackend(backend ?? {}, `${path}.backend`)]
}

function validateRoute(route: string, pathType: string, path: string): readonly FieldError[] {
  if (!PATH_TYPES.includes(pathType)) return [notSupported(`${path}.pathType`, pathType, PATH_TYPES)]
  const absolute = route.startsWith('/')
  if (pathType === 'ImplementationSpecific') {
    return route === '' || absolute ? [] : [invalid(`${path}.path`, route, 'must be an absolute path')]
  }
  return [
    ...(absolute ? [] : [invalid(`${path}.path`, route, 'must be an absolute path')]),
    ...BAD_SEQUENCES.filter((part) => route.includes(part)).map((part) =>
      invalid(`${path}.path`, route, `must not contain '${part}'`),
    ),
    ...BAD_SUFFIXES.filter((end) => route.endsWith(end)).map((end) =>
      invalid(`${path}.path`, route, `cannot end with '${end}'`),
    ),
  ]
}

function validateBackend({ service, resource }: IngressBackend, path: string): readonly FieldError[] {
  if (service !== undefined && resource !== undefined) {
    return [invalid(path, '', 'cannot set both resource and service backends')]
  }
  if (resource !== undefined) return validateResource(resource, `${path}.resource`)
  if (service === undefined) return [invalid(path, '', 'resource or service backend is required')]
  const { name, port } = service
  return [
    ...(name ? problems(`${path}.service.name`, name, labelProblems) : [required(`${path}.service.name`)]),
    ...validatePort(port ?? {}, path),
  ]
}

function validateResource(
  { apiGroup, kind, name }: NonNullable<IngressBackend['resource']>,
  path: string,
): readonly FieldError[] {
  const segment = (value: string) => nameProblems('path-segment', value)
  return [
    ...(apiGroup === undefined ? [] : problems(`${path}.apiGroup`, apiGroup, subdomainProblems)),
    ...(kind ? problems(`${path}.kind`, kind, segment) : [required(`${path}.kind`)]),
    ...(name ? problems(`${path}.name`, name, segment) : [required(`${path}.name`)]),
  ]
}

function validatePort(
  { name, number }: { readonly name?: string; readonly number?: number },
  path: string,
): readonly FieldError[] {
  if (name && number) return [invalid(path, '', 'cannot set both port name & port number')]
  if (!name && !number) return [required(path, 'port name or number is required')]
  if (name) return problems(`${path}.service.port.name`, name, portNameProblems)
  return portNumberProblems(number).map((text) => invalid(`${path}.service.port.number`, number, text))
}

function problems(field: string, value: string, of: (value: string) => readonly string[]): readonly FieldError[] {
  return of(value).map((text) => invalid(field, value, text))
}
