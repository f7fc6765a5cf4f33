import type { Container, ContainerPort, PodSpec } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { portNameProblems, portNumberProblems } from '../../validation/names.ts'

const PROTOCOLS = ['SCTP', 'TCP', 'UDP']

/** Rules of a container's ports (upstream `validateContainerPorts`). */
export function checkPorts(ports: readonly ContainerPort[] | undefined, found: Findings): void {
  const names = new Set<string>()
  found.each(ports, 'ports', (port) => {
    if (port.name) checkName(port.name, names, found)
    if (!port.containerPort) found.required('containerPort')
    else found.problems('containerPort', port.containerPort, portNumberProblems(port.containerPort))
    if (port.hostPort) found.problems('hostPort', port.hostPort, portNumberProblems(port.hostPort))
    found.oneOf('protocol', port.protocol, PROTOCOLS)
  })
}

function checkName(name: string, names: Set<string>, found: Findings): void {
  const problems = portNameProblems(name)
  if (problems.length > 0) {
    found.problems('name', name, problems)
    return
  }
  if (names.has(name)) found.duplicate('name', name)
  names.add(name)
}

/** A port of the host is for one of the containers only (upstream `checkHostPortConflicts`). */
export function checkHostPorts(containers: readonly Container[], list: string, found: Findings): void {
  const taken = new Set<string>()
  found.each(containers, list, ({ ports }) =>
    found.each(ports, 'ports', ({ protocol = 'TCP', hostIP = '', hostPort }) => {
      if (!hostPort) return
      const port = `${protocol}/${hostIP}/${hostPort}`
      if (taken.has(port)) found.duplicate('hostPort', port)
      taken.add(port)
    }),
  )
}

/**
 * In the host's network the ports of a container are the host's (upstream `validatePodHostNetworkDeps`).
 *
 * @param ofPod A template may leave them out: they are filled in when its pods are made.
 */
export function checkHostNetwork({ hostNetwork, containers }: PodSpec, ofPod: boolean, found: Findings): void {
  if (!hostNetwork) return
  found.each(containers, 'containers', ({ ports }) =>
    found.each(ports, 'ports', ({ containerPort, hostPort = 0 }) => {
      if ((!ofPod && hostPort === 0) || hostPort === containerPort) return
      found.invalid('hostPort', hostPort, 'must match `containerPort` when `hostNetwork` is true')
    }),
  )
}
