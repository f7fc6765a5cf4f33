import { parseQuantity, quantityMilliValue, quantityValue } from '../kube/quantity.ts'
import type { Container, Pod } from '../kube/types/core.ts'
import { containerEnv, expand, type PodPlace } from './container-env.ts'
import { containerUser, type UserFiles } from './container-user.ts'
import { declaredPorts } from './images/echo-ports.ts'
import type { Image } from './images/image.ts'
import { envFromValues, envValue } from './input-data.ts'
import { podHostname } from './pod-files.ts'
import type { PodInputs } from './pod-inputs.ts'
import type { BindMount, ContainerConfig, ResourceLimits } from './runtime/oci-spec.ts'

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
}

export type ConfigResult =
  | { readonly kind: 'config'; readonly config: Omit<ContainerConfig, 'root'> }
  /** The container cannot be made as it is described; `reason` as in a waiting container's state. */
  | { readonly kind: 'refused'; readonly reason: string; readonly message: string }

const CPU_PERIOD_US = 100_000
const MIN_SHARES = 2

/** How to run a container, or why it cannot be. */
export function containerConfig(pod: Pod, container: Container, around: ContainerSurroundings): ConfigResult {
  const env = environment(pod, container, around)
  if (env.kind === 'refused') return { ...env, reason: 'CreateContainerConfigError' }
  const user = containerUser(pod, container, around.image.config.user, around.userFiles)
  if (user.kind === 'refused') return { ...user, reason: 'CreateContainerConfigError' }
  const args = commandLine(container, around.image, env.env)
  if (args.length === 0) return { kind: 'refused', reason: 'CreateContainerError', message: 'no command specified' }
  const limits = resourceLimits(container)
  const config = {
    args,
    env: [...env.env].map(([name, value]) => `${name}=${value}`),
    workingDirectory: container.workingDir || around.image.config.workingDirectory || '/',
    user: user.user,
    hostname: podHostname(pod),
    cgroup: around.cgroup,
    mounts: around.mounts,
    ...(around.netns === undefined ? {} : { netns: around.netns }),
    ...(limits === undefined ? {} : { limits }),
    terminal: container.tty ?? false,
    stdin: container.stdin ?? false,
  }
  return { kind: 'config', config }
}

function environment(pod: Pod, container: Container, { image, inputs, place }: ContainerSurroundings) {
  const base = new Map<string, string>()
  for (const line of image.config.env) {
    const equals = line.indexOf('=')
    base.set(line.slice(0, equals), line.slice(equals + 1))
  }
  if (!base.has('PATH')) base.set('PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
  base.set('HOSTNAME', podHostname(pod))
  if (container.tty) base.set('TERM', 'xterm')
  for (const [name, value] of ownVariables(pod, container, image, place)) base.set(name, value)
  const from = envFromValues(container.envFrom ?? [], inputs)
  if (from.kind === 'refused') return from
  for (const [name, value] of from.env) base.set(name, value)
  return containerEnv(container, base, (variable) => envValue(variable, pod, inputs, place))
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

function resourceLimits({ resources }: Container): ResourceLimits | undefined {
  const memory = resources?.limits?.memory
  const cpu = resources?.limits?.cpu
  const share = resources?.requests?.cpu ?? cpu
  if (memory === undefined && cpu === undefined && share === undefined) return undefined
  const shares = share === undefined ? undefined : Math.max(MIN_SHARES, Math.floor((milliCpu(share) * 1024) / 1000))
  return {
    ...(memory === undefined ? {} : { memory: quantityValue(parseQuantity(memory)) }),
    cpu: {
      ...(shares === undefined ? {} : { shares }),
      ...(cpu === undefined ? {} : { quota: (milliCpu(cpu) * CPU_PERIOD_US) / 1000, period: CPU_PERIOD_US }),
    },
  }
}

function milliCpu(quantity: string): number {
  return quantityMilliValue(parseQuantity(quantity))
}
