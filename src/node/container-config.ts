import type { Container, Pod, Service } from '../kube/types/core.ts'
import { containerEnv, expand, type PodPlace } from './container-env.ts'
import { resourceLimits } from './container-resources.ts'
import { containerUser, type UserFiles } from './container-user.ts'
import { declaredPorts } from './images/echo-ports.ts'
import type { Image } from './images/image.ts'
import { envFromValues, envValue } from './input-data.ts'
import { podHostname } from './pod-files.ts'
import type { PodInputs } from './pod-inputs.ts'
import type { BindMount, ContainerConfig } from './runtime/oci-spec.ts'
import { capabilitiesOf, podSysctls, securityContext } from './security-context.ts'
import { serviceVariables } from './service-env.ts'

/** What a container is made from, beside its own object. */
export interface ContainerSurroundings {
  readonly image: Image
  readonly inputs: PodInputs
  readonly place: PodPlace
  readonly userFiles: UserFiles
  readonly netns?: string
  readonly cgroup: string
  /** Later ones cover earlier ones. */
  readonly mounts: readonly BindMount[]
  /** The Services that the container is told of. */
  readonly services: readonly Service[]
  /** Capabilities that this machine can give. */
  readonly grantable: readonly string[]
  readonly clusterDomain: string
}

export type ConfigResult =
  | { readonly kind: 'config'; readonly config: Omit<ContainerConfig, 'root'> }
  /** The container cannot be made as it is described; `reason` as in a waiting container's state. */
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }

/** How to run a container, or why it cannot be. */
export function containerConfig(pod: Pod, container: Container, around: ContainerSurroundings): ConfigResult {
  const env = containerVariables(pod, container, around)
  if (env.kind === 'refused') return { ...env, reason: 'CreateContainerConfigError' }
  const user = containerUser(pod, container, around.image.config.user, around.userFiles)
  if (user.kind === 'refused') return { ...user, reason: 'CreateContainerConfigError' }
  const args = commandLine(container, around.image, env.env)
  if (args.length === 0) return { kind: 'refused', reason: 'CreateContainerError', message: 'no command specified' }
  const security = securityContext(pod, container)
  const capabilities = capabilitiesOf(security, around.grantable)
  if (capabilities.kind === 'refused') return { ...capabilities, reason: 'CreateContainerError' }
  const { seccompProfile } = security
  if (seccompProfile?.type === 'Localhost') {
    const message = `cannot load seccomp profile "${seccompProfile.localhostProfile}": this node has no profiles of its own`
    return { kind: 'refused', reason: 'CreateContainerError', message }
  }
  const limits = resourceLimits(container)
  const stopSignal = container.lifecycle?.stopSignal ?? around.image.config.stopSignal
  const config = {
    args,
    env: [...env.env].map(([name, value]) => `${name}=${value}`),
    workingDirectory: container.workingDir || around.image.config.workingDirectory || '/',
    user: user.user,
    hostname: podHostname(pod, around.clusterDomain),
    cgroup: around.cgroup,
    mounts: around.mounts,
    ...(around.netns === undefined ? {} : { netns: around.netns }),
    ...(limits === undefined ? {} : { limits }),
    terminal: container.tty ?? false,
    stdin: container.stdin ?? false,
    readOnlyRoot: security.readOnlyRootFilesystem ?? false,
    capabilities: capabilities.names,
    noNewPrivileges: security.allowPrivilegeEscalation === false && security.privileged !== true,
    seccomp: seccompProfile?.type === 'RuntimeDefault' && security.privileged !== true,
    privileged: security.privileged ?? false,
    hostProcesses: pod.spec.hostPID ?? false,
    hostIpc: pod.spec.hostIPC ?? false,
    sysctls: podSysctls(pod),
    lastWords: {
      path: container.terminationMessagePath || '/dev/termination-log',
      elseFromLog: container.terminationMessagePolicy === 'FallbackToLogsOnError',
    },
    ...(stopSignal === undefined || stopSignal === '' ? {} : { stopSignal }),
  }
  return { kind: 'config', config }
}

/** The variables of a container, in the order of their declaration. */
export function containerVariables(pod: Pod, container: Container, around: ContainerSurroundings) {
  const { image, inputs, place } = around
  const base = new Map<string, string>()
  for (const line of image.config.env) {
    const equals = line.indexOf('=')
    base.set(line.slice(0, equals), line.slice(equals + 1))
  }
  if (!base.has('PATH')) base.set('PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
  base.set('HOSTNAME', podHostname(pod, around.clusterDomain))
  for (const [name, value] of serviceVariables(pod, around.services)) base.set(name, value)
  if (container.tty) base.set('TERM', 'xterm')
  for (const [name, value] of ownVariables(pod, container, image, place)) base.set(name, value)
  const from = envFromValues(container.envFrom ?? [], inputs)
  if (from.kind === 'refused') return from
  for (const [name, value] of from.env) base.set(name, value)
  return containerEnv(container, base, (variable) =>
    envValue(variable, { pod, container: container.name, inputs, place }),
  )
}

/** What the built-in programs say of themselves. */
function ownVariables(pod: Pod, container: Container, image: Image, place: PodPlace): readonly [string, string][] {
  if (image.kind !== 'builtin' && image.kind !== 'known') return []
  return [
    ['FAIRLEAD_POD', pod.metadata.name],
    ['FAIRLEAD_NAMESPACE', pod.metadata.namespace ?? ''],
    ['FAIRLEAD_NODE', place.nodeName],
    ['FAIRLEAD_PORTS', declaredPorts(container.ports ?? [])],
  ]
}

/** `command` replaces the image's entrypoint and its command; `args` its command only. */
function commandLine(container: Container, image: Image, env: ReadonlyMap<string, string>): readonly string[] {
  const command = container.command?.length ? container.command : undefined
  const args = container.args?.length ? container.args : undefined
  const given = [...(command ?? []), ...(args ?? [])].map((text) => expand(text, env))
  if (command !== undefined) return given
  return [...image.config.entrypoint, ...(args === undefined ? image.config.command : given)]
}
