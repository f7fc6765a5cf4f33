import type { Pod } from '../../src/kube/types/core.ts'

import type { PodCluster } from '../kubectl/pod-cluster.ts'

/** One thing that pods do: a pod, when it has done it, and what kubectl then says. */
export interface Row {
  readonly name: string
  /** The pod's spec, as YAML in flow style, without the braces; containers may leave out the image. */
  readonly spec: string
  readonly labels?: string
  readonly until: (pod: Pod) => boolean
  /** Arguments of kubectl, without the pod's name where that is `get pod` or `logs`; and what it must print. */
  readonly shows: readonly (readonly [command: string, expected: RegExp])[]
}

export const ended = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed'
export const isReady = ({ status }: Pod) =>
  status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false

/** The manifest of a row. */
export function manifestOf({ name, spec, labels = '' }: Row): string {
  return `{ apiVersion: v1, kind: Pod, metadata: { name: ${name}, namespace: default, labels: { ${labels} } }, spec: { ${spec} } }`
}

/** A container of the client image: a shell with the machine's programs, and Node.js. */
export function shell(script: string, more = ''): string {
  return `name: main, image: fairlead/client, command: [/bin/sh, -c, ${JSON.stringify(script)}]${more === '' ? '' : `, ${more}`}`
}

/** A container that runs a program under Node.js. */
export function program(text: string, more = ''): string {
  return `name: main, image: fairlead/client, command: [/fairlead/node, -e, ${JSON.stringify(text)}]${more === '' ? '' : `, ${more}`}`
}

/** So long may an Event be on its way. */
const EVENT_MS = 20_000

/**
 * What kubectl prints of a row; `{}` stands for the pod's name. Events are written after what they tell of: they are
 * looked for until they are there.
 */
export async function shown(cluster: PodCluster, { name }: Row, [command, expected]: Row['shows'][number]) {
  const deadline = Date.now() + EVENT_MS
  for (;;) {
    const text = await cluster.show(...command.replaceAll('{}', name).split(' '))
    if (expected.test(text) || !command.startsWith('events ') || Date.now() > deadline) return text
  }
}
