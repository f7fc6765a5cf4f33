import type { FieldError } from '../kind.ts'
import type { ServicePort } from '../types/core.ts'
import { duplicate, invalid, oneOf, required } from '../validation/field-error.ts'
import { labelProblems, portNameProblems, portNumberProblems, qualifiedNameProblems } from '../validation/names.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

/** Rules of each port by itself, and of their names among each other (upstream `validateServicePort`). */
export function validateServicePorts(ports: readonly ServicePort[]): readonly FieldError[] {
  const names = new Set<string>()
  return ports.flatMap((port, index) => {
    const path = `spec.ports[${index}]`
    return [...validateName(port.name ?? '', path, { names, needed: ports.length > 1 }), ...validatePort(port, path)]
  })
}

interface NameContext {
  readonly names: Set<string>
  readonly needed: boolean
}

function validateName(name: string, path: string, { names, needed }: NameContext): readonly FieldError[] {
  if (name === '') return needed ? [required(`${path}.name`)] : []
  const errors = labelProblems(name).map((text) => invalid(`${path}.name`, name, text))
  if (isSeen(names, name)) errors.push(duplicate(`${path}.name`, name))
  return errors
}

function validatePort(port: ServicePort, path: string): readonly FieldError[] {
  const target = port.targetPort
  const targetProblems = typeof target === 'string' ? portNameProblems(target) : portNumberProblems(target)
  const application = port.appProtocol === undefined ? [] : qualifiedNameProblems(port.appProtocol)
  return [
    ...portNumberProblems(port.port).map((text) => invalid(`${path}.port`, port.port ?? 0, text)),
    ...oneOf(`${path}.protocol`, port.protocol, PROTOCOLS),
    ...targetProblems.map((text) => invalid(`${path}.targetPort`, target, text)),
    ...application.map((text) => invalid(`${path}.appProtocol`, port.appProtocol, text)),
  ]
}

/** No two ports may have the same protocol and node port, nor the same protocol and port. */
export function validateDistinctPorts(ports: readonly ServicePort[]): readonly FieldError[] {
  const nodePorts = new Set<string>()
  const numbers = new Set<string>()
  const sameNodePort = ports.flatMap(({ protocol, nodePort }, index) =>
    nodePort && isSeen(nodePorts, `${protocol}/${nodePort}`)
      ? [duplicate(`spec.ports[${index}].nodePort`, nodePort)]
      : [],
  )
  const samePort = ports.flatMap((port, index) =>
    isSeen(numbers, `${port.protocol}/${port.port}`) ? [duplicate(`spec.ports[${index}]`, shownPort(port))] : [],
  )
  return [...sameNodePort, ...samePort]
}

/** The pair that is there twice, as upstream prints its own type. */
function shownPort({ protocol, port }: ServicePort): object {
  return { Name: '', Protocol: protocol, AppProtocol: null, Port: port, TargetPort: 0, NodePort: 0 }
}

function isSeen(set: Set<string>, value: string): boolean {
  if (set.has(value)) return true
  set.add(value)
  return false
}
