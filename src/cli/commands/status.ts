import { existsSync, readFileSync } from 'node:fs'
import { FairleadError, isFairleadError } from '../../base/error.ts'
import { unless } from '../../base/unless.ts'
import { connectAsAdmin, listClusters, readClusterSpec } from '../../cluster/admin-access.ts'
import { isClusterRun } from '../../cluster/cluster-lock.ts'
import { requireClusterName } from '../../cluster/cluster-spec.ts'
import { clusterLayout, type Layout } from '../../cluster/layout.ts'
import { ProcessRegister } from '../../cluster/process-register.ts'
import { isConditionTrue } from '../../kube/conditions.ts'
import { nodes, pods } from '../../kube/resource.ts'
import { isAlive } from '../../linux/process.ts'
import { formatTable, print, say } from '../output.ts'

export interface StatusOptions {
  readonly name: string | undefined
  readonly output: 'text' | 'json'
}

interface ClusterStatus {
  readonly name: string
  readonly running: boolean
  readonly server: string | undefined
  readonly nodes: readonly { readonly name: string; readonly ready: boolean; readonly pods: number }[]
  readonly processes: readonly { readonly name: string; readonly pid: number; readonly rssMb: number }[]
}

/** Prints what runs. Exit code 1 when the cluster asked for does not. */
export async function status({ name, output }: StatusOptions): Promise<number> {
  if (name !== undefined) requireClusterName(name)
  const names = name === undefined ? listClusters({}) : [name]
  const found = await Promise.all(names.map(clusterStatus))
  if (output === 'json') print(JSON.stringify(found, undefined, 2))
  else if (found.length === 0) say('There is no cluster; start one with: fairlead up')
  else print(found.map(statusText).join('\n\n'))
  return found.every((cluster) => cluster.running) && found.length > 0 ? 0 : 1
}

async function clusterStatus(name: string): Promise<ClusterStatus> {
  const layout = clusterLayout(name)
  const running = await isClusterRun(name, {})
  const api = running ? await askApi(layout) : undefined
  return { name, running, server: api?.server, nodes: api?.nodes ?? [], processes: memberProcesses(layout) }
}

/** Undefined while the API server does not answer: the cluster starts, or its control plane comes back. */
async function askApi(layout: Layout): Promise<Pick<ClusterStatus, 'server' | 'nodes'> | undefined> {
  if (!existsSync(layout.kubeconfig)) return undefined
  const { client, transport, server } = await connectAsAdmin(layout)
  try {
    const [nodeList, podList] = await Promise.all([client.list(nodes), client.list(pods)])
    const nodeRows = nodeList.items.map(({ metadata, status: nodeStatus }) => ({
      name: metadata.name,
      ready: isConditionTrue(nodeStatus?.conditions, 'Ready'),
      pods: podList.items.filter((pod) => pod.spec.nodeName === metadata.name).length,
    }))
    return { server, nodes: nodeRows }
  } catch (error) {
    if (isFairleadError(error, 'API_UNREACHABLE')) return undefined
    throw error
  } finally {
    transport[Symbol.dispose]()
  }
}

function memberProcesses(layout: Layout): ClusterStatus['processes'] {
  return [...new ProcessRegister(layout.processDirectory).list()].flatMap(([name, identity]) => {
    const rssMb = isAlive(identity) ? residentMegabytes(identity.pid) : undefined
    return rssMb === undefined ? [] : [{ name, pid: identity.pid, rssMb }]
  })
}

function statusText(cluster: ClusterStatus): string {
  const head = `Cluster ${cluster.name}: ${cluster.running ? `running, API ${cluster.server ?? 'does not answer yet'}` : 'not running'}`
  const nodeRows = cluster.nodes.map((node) => [node.name, node.ready ? 'Ready' : 'NotReady', String(node.pods)])
  const processRows = cluster.processes.map(({ name, pid, rssMb }) => [name, String(pid), `${rssMb} MiB`])
  return [
    head,
    ...(nodeRows.length > 0 ? [formatTable(['NODE', 'STATUS', 'PODS'], nodeRows)] : []),
    ...(processRows.length > 0 ? [formatTable(['PROCESS', 'PID', 'MEMORY'], processRows)] : []),
  ].join('\n')
}

/** Resident memory of a process in MiB (proc(5), statm, field 2, in pages of 4 KiB); undefined when it has ended. */
function residentMegabytes(pid: number): number | undefined {
  const fields = unless(['ENOENT', 'ESRCH'], () => readFileSync(`/proc/${pid}/statm`, 'utf8').split(' '))
  return fields === undefined ? undefined : Math.round((Number(fields[1]) * 4) / 1024)
}

/** Prints the administrator's kubeconfig. */
export function printKubeconfig({ name }: { readonly name: string }): number {
  requireClusterName(name)
  const { kubeconfig } = clusterLayout(name)
  if (readClusterSpec(clusterLayout(name)) === undefined) {
    throw new FairleadError('NOT_RUNNING', `There is no cluster ${name}`, {
      hint: `Start it with: fairlead up --name ${name}`,
    })
  }
  process.stdout.write(readFileSync(kubeconfig, 'utf8'))
  return 0
}
