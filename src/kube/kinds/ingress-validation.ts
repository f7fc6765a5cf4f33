import { isIP } from 'node:net'
import type { FieldError } from '../kind.ts'
import type { Ingress, IngressBackend, IngressPath, IngressRule } from '../types/networking.ts'
import { invalid, notSupported, required } from '../validation/field-error.ts'
import { label1035Problems, portNameProblems, portNumberProblems, subdomainProblems } from '../validation/names.ts'

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class'
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix']
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F']
const BAD_SUFFIXES = ['/..', '/.']

/** Rules of an Ingress (upstream `ValidateIngressCreate` and `ValidateIngressUpdate`). */
export function validateIngress({ metadata, spec }: Ingress, old: Ingress | undefined): readonly FieldError[] {
  if (spec === undefined) return [required('spec')]
  const annotated = metadata.annotations?.[CLASS_ANNOTATION]
  const both = old === undefined && annotated !== undefined && spec.ingressClassName !== undefined
  const text = 'can not be set when the class field is also set'
  return [
    ...(both ? [invalid(`annotations.${CLASS_ANNOTATION}`, annotated, text)] : []),
    ...validateContent(spec),
    ...(spec.tls ?? []).flatMap(({ hosts }, index) => validateTlsHosts(hosts ?? [], `spec.tls[${index}].hosts`)),
    ...(spec.rules ?? []).flatMap((rule, index) => validateRule(rule, `spec.rules[${index}]`)),
    ...(spec.defaultBackend === undefined ? [] : validateBackend(spec.defaultBackend, 'spec.defaultBackend')),
    ...(spec.ingressClassName === undefined
      ? []
      : problems('spec.ingressClassName', spec.ingressClassName, subdomainProblems)),
  ]
}

function validateContent(spec: Ingress['spec']): readonly FieldError[] {
  if ((spec.rules ?? []).length > 0 || spec.defaultBackend !== undefined) return []
  return [invalid('spec', spec.rules ?? [], 'either `defaultBackend` or `rules` must be specified')]
}

function validateTlsHosts(hosts: readonly string[], path: string): readonly FieldError[] {
  return hosts.flatMap((host, index) => problems(`${path}[${index}]`, host, hostProblems))
}

function validateRule({ host, http }: IngressRule, path: string): readonly FieldError[] {
  const errors: FieldError[] = []
  if (host) {
    if (isIP(host) !== 0) errors.push(invalid(`${path}.host`, host, 'must be a DNS name, not an IP address'))
    errors.push(...problems(`${path}.host`, host, hostProblems))
  }
  if (http === undefined) return errors
  const paths = http.paths ?? []
  if (paths.length === 0) return [...errors, required(`${path}.http.paths`)]
  return [...errors, ...paths.flatMap((each, index) => validatePath(each, `${path}.http.paths[${index}]`))]
}

/** `*.example.com` stands for any one label. */
function hostProblems(host: string): readonly string[] {
  return subdomainProblems(host.startsWith('*.') ? host.slice(2) : host)
}

function validatePath({ path: route = '', pathType, backend }: IngressPath, path: string): readonly FieldError[] {
  return [...validateRoute(route, pathType, path), ...validateBackend(backend ?? {}, `${path}.backend`)]
}

function validateRoute(route: string, pathType: string | undefined, path: string): readonly FieldError[] {
  if (pathType === undefined) return [required(`${path}.pathType`, 'pathType must be specified')]
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
  if (resource !== undefined) return []
  if (service === undefined) return [required(path, 'resource or service backend is required')]
  const { name, port } = service
  return [
    ...(name ? problems(`${path}.service.name`, name, label1035Problems) : [required(`${path}.service.name`)]),
    ...validatePort(port ?? {}, path),
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
